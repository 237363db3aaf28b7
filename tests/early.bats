# A run is told of what it called as soon as that is written; all others when it is durable.

load helper/djfs
load helper/failing-log

setup()
{
    dj_setup
    failing_log
    cat > t.c << 'END'
#include <djfs/task.h>
#include <stdio.h>

static int told(int64_t n)
{
    FILE *file = fopen(LOG, "a");

    return file == NULL || fprintf(file, "%lld\n", (long long)n) < 0 || fclose(file) != 0;
}

DJ_TASK(deep, "params = n:int")
{
    int64_t n = dj_arg_int(run, "n");
    const char *below;

    if (n == 0)
        return dj_printf(run, "0\n");
    below = dj_getf(run, NULL, "deep/%lld", (long long)n - 1);
    if (below == NULL || told(n) != 0)
        return -1;
    return dj_printf(run, "%lld\n", atoll(below) + 1);
}
END
    cc -shared -fPIC -I"$DJ_SRCDIR/lib" -DLOG="\"$DJ_TMP/told\"" -o t.so t.c
    start_on_failing_log --workers 2
    script child "touch $DJ_TMP/child.\$1; echo x >> $DJ_TMP/runs; echo side > side; echo child \$1"
    script parent "dj get child \$1; touch $DJ_TMP/heard.\$1
until [ -e $DJ_TMP/go ]; do sleep 0.02; done"
    script passing "dj get child \$1; touch $DJ_TMP/passed.\$1"
    define_tasks << 'END'
[child]
params = n:int
command = ./child {n}

[parent]
params = n:int
command = ./parent {n}

[passing]
params = n:int
command = ./passing {n}
store = no
END
    dj define ./t.so
    dj get deep 0
}

teardown()
{
    dj_teardown
}

# script NAME TEXT: of the shell, which ends with the first command that fails.
script()
{
    printf '#!/bin/sh -e\n%s\n' "$2" > "$1"
    chmod +x "$1"
}

# Asked for, without waiting for the answer, which goes to a file.
ask()
{
    dj get "$@" > "answer.$1-$2" 2>&1 3>&- &
    asked=$!
}

# ask_and_hold TASK: its run 1 has been told of what it called, and no sync ends.
ask_and_hold()
{
    touch failing/hold
    ask "$1" 1
    wait_until test -e heard.1
}

@test "a run goes on with what it called before that is durable, and nobody else has it" {
    ask_and_hold parent
    local parent=$asked
    exits 3 dj get --cached child 1
    ask child 1
    has "$(dj cat tasks/child/1/status)" running
    is "$(dj ls tasks/child/1 | grep -c -x result)" 0
    touch go
    is_running "$asked"
    is_running "$parent"
    is "$(cat answer.child-1)" ""
    rm failing/hold
    wait "$asked"
    wait "$parent"
    is "$(cat answer.child-1)" "child 1"
    is "$(cat answer.parent-1)" "child 1"
    is "$(dj ls tasks/parent/1/deps)" child,1
    is "$(wc -l < runs)" 1
}

@test "calls in a chain wait for one sync at their end" {
    local n
    touch failing/hold
    ask deep 50
    wait_until grep -q -x 50 told
    for n in 1 25 49 50; do
        exits 3 dj get --cached deep "$n"
    done
    is_running "$asked"
    rm failing/hold
    wait "$asked"
    is "$(cat answer.deep-50)" 50
    is "$(dj ls tasks/deep | wc -l)" 51
}

@test "what such a run looks at is shown as it is when that is durable" {
    requires_fuse
    script looks "cd \$DJ/tasks/child/\$1
cat result
cat result
[ \$(stat -c %s result) = 8 ]
dj get --cached child \$1
touch $DJ_TMP/heard.\$1
cat status files/side
ls . files
dj cat tasks/child/\$1/status
dj ls tasks/child/\$1
touch $DJ_TMP/looked.\$1"
    dj define looks n:int -- "$DJ_TMP/looks" "{n}"
    ask_and_hold looks
    is "$(cat answer.looks-1)" ""
    not test -e looked.1
    rm failing/hold
    wait "$asked"
    is "$(head -n 3 answer.looks-1 | uniq)" "child 1"
    is "$(grep -c '^done' answer.looks-1)" 2
    is "$(grep -c -x side answer.looks-1)" 2
    is "$(grep -c -x result answer.looks-1)" 2
    is "$(wc -l < runs)" 1
}

@test "a run of which nothing is stored waits like everybody outside" {
    touch failing/hold
    ask passing 1
    local passing=$asked
    wait_until test -e child.1
    ask parent 1
    wait_until test -e heard.1
    touch go
    not test -e passed.1
    rm failing/hold
    wait "$passing"
    wait "$asked"
    is "$(cat answer.passing-1)" "child 1"
    is "$(wc -l < runs)" 1
}

@test "a run that was told, and whose daemon is killed before the sync, rests on what it read" {
    ask_and_hold parent
    kill_daemon
    rm failing/hold
    start_on_failing_log --workers 2
    touch go
    is "$(get parent 1)" "child 1"
    is "$(get child 1)" "child 1"
    is "$(dj ls tasks/parent/1/deps)" child,1
    has "$(dj cat tasks/parent/1/status)" done
    is "$(wc -l < runs)" 1
    wait "$asked" || true
    dj fsck
}

@test "a run that was told of what then could not be made durable is stale from the start" {
    ask_and_hold parent
    ask child 1
    touch failing/sync
    rm failing/hold
    not wait "$asked"
    has "$(cat answer.child-1)" "cannot be made durable"
    rm failing/sync
    touch go
    wait_until dj get parent 2 # a sync succeeds
    wait_until not dj get --cached parent 1
    has "$(dj cat tasks/parent/1/status)" stale
    has "$(dj cat tasks/parent/1/why)" "what it read of child/1 may be lost"
    is "$(dj get parent 1)" "child 1"
    has "$(dj cat tasks/parent/1/status)" done
    dj fsck
}

@test "the kernel tells nobody what it was told for a run" {
    requires_fuse
    script looks "cat \$DJ/tasks/child/\$1/result; touch $DJ_TMP/heard.\$1
until [ -e $DJ_TMP/go ]; do [ \$(stat -c %s \$DJ/tasks/child/1/result) = 8 ]; done"
    dj define looks n:int -- "$DJ_TMP/looks" "{n}"
    ask_and_hold looks
    for _ in $(seq 20); do
        is "$(stat -c %s "$MNT/tasks/child/1/result")" 0
    done
    touch go
    rm failing/hold
    wait "$asked"
    is "$(stat -c %s "$MNT/tasks/child/1/result")" 8
}

@test "a run finds what it called in a read-only mount, too" {
    requires_fuse
    local ro=$DJ_TMP/ro
    mkdir "$ro"
    djfs -o ro "$ro" > ro.log 2>&1 3>&-
    wait_until test -d "$ro/tasks/child"
    script looks "dj get child \$1; touch $DJ_TMP/heard.\$1
cat $ro/tasks/child/\$1/result; ls $ro/tasks/child"
    dj define looks n:int -- "$DJ_TMP/looks" "{n}"
    ask_and_hold looks
    is "$(cat answer.looks-1)" ""
    rm failing/hold
    wait "$asked"
    is "$(cat answer.looks-1)" "child 1
child 1
1"
}

@test "what a run was told answers it before others do that are alike" {
    dj get child 9
    script looks "dj get child 1; touch $DJ_TMP/heard.\$1
dj get --ignore n child 1; dj get --ignore n child 2"
    dj define looks n:int -- "$DJ_TMP/looks" "{n}"
    ask_and_hold looks
    rm failing/hold
    wait "$asked"
    is "$(sort -u answer.looks-1)" "child 1"
    is "$(wc -l < runs)" 2
}

@test "what a run was told answers it when it asks for a result without a trace" {
    script looks "dj get child 1; dj get --incognito child 1; touch $DJ_TMP/heard.\$1"
    dj define looks n:int -- "$DJ_TMP/looks" "{n}"
    ask_and_hold looks
    rm failing/hold
    wait "$asked"
    is "$(wc -l < runs)" 1
}

@test "what a run was told, and is damaged before it is durable, is computed anew" {
    local file
    script big 'head -c 2000000 /dev/zero'
    script looks "dj get big 1 | wc -c; touch $DJ_TMP/heard.\$1
until [ -e $DJ_TMP/go ]; do sleep 0.02; done
dj get big 1 | wc -c; touch $DJ_TMP/again.\$1"
    dj define big n:int -- "$DJ_TMP/big"
    dj define looks n:int -- "$DJ_TMP/looks" "{n}"
    ask_and_hold looks
    file=$(find "$DJ_STORE/content" -size +1M -type f)
    rm -f "$file"
    dj fsck --repair > fsck.out 2>&1 3>&- &
    wait_until grep -q "is corrupt" "$XDG_RUNTIME_DIR/dj/djd.log"
    touch go
    wait_until test -e again.1
    rm failing/hold
    wait "$asked"
    wait
    is "$(sort -u answer.looks-1)" 2000000
    wait_until test -e "$file"
}

@test "the log of a run that is not durable yet is its own, whoever has its slot" {
    script logs "echo log of \$1 >&2; echo \$1; touch $DJ_TMP/began.\$1
[ \$1 = 1 ] || until [ -e $DJ_TMP/go ]; do sleep 0.02; done"
    script looks "dj get logs 1; dj get logs 2"
    dj define logs n:int -- "$DJ_TMP/logs" "{n}"
    dj define looks n:int -- "$DJ_TMP/looks" "{n}"
    touch failing/hold
    ask looks 1
    wait_until test -e began.2
    is "$(dj cat tasks/logs/1/log)" "log of 1"
    is "$(dj cat tasks/logs/2/log)" "log of 2"
    touch go
    rm failing/hold
    wait "$asked"
    is "$(dj cat tasks/logs/1/log)" "log of 1"
    is "$(dj cat tasks/logs/2/log)" "log of 2"
}

@test "what a run was told is computed anew when its ttl is over before it is durable" {
    script now "echo x >> $DJ_TMP/runs; date +%s.%N"
    script looks "dj get now 1; touch $DJ_TMP/heard.\$1
until [ -e $DJ_TMP/go ]; do sleep 0.02; done
dj get now 1 > /dev/null; touch $DJ_TMP/again.\$1"
    define_tasks << 'END'
[now]
params = n:int
ttl = 100ms
command = ./now

[looks]
params = n:int
command = ./looks {n}
END
    ask_and_hold looks
    expired()
    {
        (($(date +%s%N) - $(stat -c %.9Y heard.1 | tr -d .) > 100000000))
    }
    wait_until expired
    touch go
    wait_until test -e again.1
    is "$(wc -l < runs)" 2
    rm failing/hold
    wait "$asked"
}

@test "the files of what a run was told are listed to nobody before they are durable" {
    requires_fuse
    local number
    script looks "ls \$DJ/tasks/child/\$1/files; cat \$DJ/tasks/child/\$1/files/side"
    dj define looks n:int -- "$DJ_TMP/looks" "{n}"
    ask_and_hold parent
    number=$(dj cat tasks/child/1/meta | jq .instance)
    exits 5 dj ls "tasks/child/1/.files-$number"
    ask looks 2
    wait_until test -e child.2
    touch go
    rm failing/hold
    wait "$asked"
    is "$(cat answer.looks-2)" "side
side"
    is "$(dj ls "tasks/child/1/.files-$number")" side
}
