# A read-only mount: the kernel answers by itself what it knows, and is told when that is wrong.

bats_require_minimum_version 1.5.0
load helper/djfs

setup()
{
    requires_fuse
    dj_setup
    RO=$DJ_TMP/ro
    mkdir "$RO"
    start_daemon --no-mount
    define_tasks << 'END'
[sq]
params = n:int
command = sh -c 'echo $(($1 * $1))' sq {n}

[now]
params = n:int
command = sh -c 'date +%N'

[big]
params = n:int
command = sh -c 'yes "line $1" | head -c $1' big {n}

[count]
params = f:file
command = wc -c {f}

[gate]
params = n:int
command = sh -c 'echo begun >&2; while [ ! -e "$1" ]; do sleep 0.02; done; echo $2' gate {here}/open {n}
END
}

teardown()
{
    dj_teardown
}

# start_ro [OPTION]…: a read-only mount that notes each request in ro.log.
start_ro()
{
    DJ_LOG=debug djfs --connect "$DJ_CONNECT" -d -o "ro${1:+,$1}" "$RO" > ro.log 2>&1 3>&- < /dev/null &
    disown
    wait_until mountpoint -q "$RO"
}

# has_epochs: the kernel takes all names back at once.
has_epochs()
{
    [ "$(printf '%s\n' 6.16 "$(uname -r)" | sort -V | head -n 1)" = 6.16 ]
}

# of_kind WORD: how many requests of that kind the mount has had.
of_kind()
{
    grep -c "opcode: $1 " ro.log || :
}

requests()
{
    grep -c 'opcode: ' ro.log || :
}

gone()
{
    [ ! -e "$1" ]
}

reads()
{
    [ "$(cat "$1")" = "$2" ]
}

# none_of FILE: no path of that list is there.
none_of()
{
    local path

    while read -r path; do
        [ ! -e "$path" ] || return 1
    done < "$1"
}

@test "what was read once is read again without a request, and so is stat" {
    local i before

    has_epochs || skip "names are believed for a second before Linux 6.16"
    get sq 5 > out
    start_ro
    is "$(cat "$RO/tasks/sq/5/result")" 25
    is "$(stat -c %s "$RO/tasks/sq/5/result")" 3
    before=$(requests)
    for i in {1..20}; do
        is "$(cat "$RO/tasks/sq/5/result")" 25
        is "$(stat -c %s "$RO/tasks/sq/5/result")" 3
    done
    is "$(requests)" "$before"
    is "$(of_kind RELEASE)" 0
}

@test "large and small results are read byte for byte, by programs of all kinds" {
    local n

    start_ro
    for n in 0 1 4096 100000 700000 10000000; do
        get big "$n" > want
        cat "$RO/tasks/big/$n/result" > out
        same out want
        cmp "$RO/tasks/big/$n/result" want
        is "$(stat -c %s "$RO/tasks/big/$n/result")" "$n"
    done
    get big 10000001 > want
    cp "$RO/tasks/big/10000001/result" out
    same out want
    get big 10000002 > want
    dd if="$RO/tasks/big/10000002/result" bs=7001 status=none > out
    same out want
    get big 10000003 > want
    python3 - "$RO/tasks/big/10000003/result" > out << 'END'
import mmap, sys
with open(sys.argv[1], 'rb') as f:
    with mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as m:
        half = len(m) // 2
        end = m[half:]
        sys.stdout.buffer.write(m[:half] + end)
END
    same out want
    get big 10000004 > want
    python3 - "$RO/tasks/big/10000004/result" > out << 'END'
import os, sys
with open(sys.argv[1], 'rb') as f:
    at = 0
    while n := os.sendfile(1, f.fileno(), at, 1 << 20):
        at += n
END
    same out want
    get big 300000 > want
    tail -c 1000 "$RO/tasks/big/300000/result" > out
    tail -c 1000 want > want-end
    same out want-end
}

@test "a changed version, an invalidated, deleted and forced run are seen" {
    local old

    get sq 3 > out
    get now 1 > out
    start_ro
    is "$(cat "$RO/tasks/sq/3/result")" 9
    old=$(cat "$RO/tasks/now/1/result")
    # version
    dj bump sq
    wait_until gone "$RO/tasks/sq/3/result"
    is "$(cat "$RO/tasks/sq/3/status")" stale
    get sq 3 > out
    wait_until reads "$RO/tasks/sq/3/result" 9
    is "$(cat "$RO/tasks/sq/3/status")" 'done'
    # invalidate
    dj invalidate sq 3
    wait_until gone "$RO/tasks/sq/3/result"
    get sq 3 > out
    wait_until reads "$RO/tasks/sq/3/result" 9
    # rm, and back
    dj rm sq 3
    wait_until gone "$RO/tasks/sq/3"
    dj undelete sq 3
    wait_until reads "$RO/tasks/sq/3/result" 9
    # force
    get --force now 1 > new
    not reads new "$old"
    wait_until reads "$RO/tasks/now/1/result" "$(cat new)"
    # a program that is another one
    dj define now n:int -- echo 'other {n}'
    wait_until gone "$RO/tasks/now/1/result"
    get now 1 > out
    wait_until reads "$RO/tasks/now/1/result" "other 1"
    dj undefine now
    wait_until gone "$RO/tasks/now"
}

@test "dependents of what became invalid are not served either" {
    local i

    dj define twice n:int -- sh -c 'dj get sq $1; dj get sq $1' twice '{n}'
    for i in 1 2 3; do
        get twice "$i" > out
    done
    start_ro
    cat "$RO"/tasks/twice/[123]/result > out
    is "$(wc -l < out)" 6
    dj invalidate sq 2
    wait_until gone "$RO/tasks/twice/2/result"
    is "$(cat "$RO/tasks/twice/3/result")" $'9\n9'
    dj bump sq
    wait_until gone "$RO/tasks/twice/3/result"
    gone "$RO/tasks/twice/1/result"
}

@test "new runs appear in listings and by name, when they have ended" {
    start_ro
    is "$(ls "$RO/tasks/sq")" ""
    gone "$RO/tasks/sq/1"
    get sq 1 > out
    is "$(cat "$RO/tasks/sq/1/result")" 1
    get sq 2 > out
    is "$(ls "$RO/tasks/sq")" $'1\n2'
    dj run gate 1 > out
    wait_until reads <(dj cat tasks/gate/1/log) begun
    gone "$RO/tasks/gate/1"
    is "$(ls "$RO/tasks/gate")" ""
    touch open
    dj wait gate 1
    wait_until reads "$RO/tasks/gate/1/result" 1
    is "$(cat "$RO/tasks/gate/1/log")" begun
    is "$(ls "$RO/tasks/gate/1")" "$(printf '%s\n' args command dependents deps files history key log meta \
        result status why)"
}

@test "what grows or changes is read whole, and as it is" {
    local n

    start_ro
    get sq 1 > out
    cat "$RO/events" > before
    for n in {2..20}; do
        get sq "$n" > out
        is "$(sed -n 's/^runs //p' "$RO/status")" "$n"
        is "$(sed -n 's/^done //p' "$RO/tasks/sq/.status")" "$n"
        is "$(stat -c %s "$RO/tasks/sq/.status")" "$(wc -c < "$RO/tasks/sq/.status")"
    done
    cat "$RO/events" > after
    head -c "$(stat -c %s before)" after > begun
    same begun before
    [ "$(grep -c . after)" -gt "$(grep -c . before)" ]
    dj cat events > want
    same after want
    # a text of the same length
    is "$(cat "$RO/tasks/sq/.version")" 1
    dj bump sq
    is "$(cat "$RO/tasks/sq/.version")" 2
    tail -n +1 -f "$RO/events" > followed 2> tail.err 3>&- &
    get sq 30 > out
    wait_until grep -q '"sq/30"\|sq.*30' followed
    kill "$!"
    is "$(grep -rc . "$RO/tasks/sq/30" | wc -l)" 8
    is "$(cat "$RO/tasks/sq/30/args")" '{"n":30}'
    has "$(cat "$RO/tasks/sq/30/key")" sq
}

@test "dj mount -o ro makes one, beside the mount that computes" {
    get sq 4 > out
    dj mount "$MNT"
    is "$(dj mount -o ro "$RO")" "mounted at $RO"
    is "$(cat "$RO/tasks/sq/4/result")" 16
    gone "$RO/tasks/sq/5"
    is "$(cat "$MNT/tasks/sq/5/result")" 25
    is "$(cat "$RO/tasks/sq/5/result")" 25
    # runs are told of the other one
    dj define where -- sh -c 'echo "$DJ"'
    is "$(get where)" "$MNT"
    exits 1 dj mount -o ro "$RO"
    has "$output" "$RO"
    exits 2 dj mount -o
    exits 2 dj mount -o ro
    has "$output" "name it"
    exits 1 dj mount -o bogus "$DJ_TMP/other"
    dj umount "$RO"
    gone "$RO/tasks"
    is "$(cat "$MNT/tasks/sq/5/result")" 25
}

@test "what waits, takes words or has no size before it is opened is not there" {
    get sq 1 > out
    seq 2 | dj map -R --frame two sq n:=. > out
    start_ro
    gone "$RO/ctl"
    gone "$RO/tasks/sq/.ctl"
    gone "$RO/tasks/sq/1/ctl"
    gone "$RO/tasks/sq/1/wait"
    gone "$RO/frames/two/wait"
    gone "$RO/sessions/default/ctl"
    gone "$RO/tasks/sq/1..2/results"
    gone "$RO/tasks/sq/1..2/table.csv"
    is "$(ls "$RO/tasks/sq/1..2")" $'1\n2'
    is "$(cat "$RO/tasks/sq/1..2/1/result")" 1
    is "$(wc -l < "$RO/frames/two/results.jsonl")" 2
    gives_errno EROFS bash -c 'echo 3 > "$1/tasks/sq/.version"' - "$RO"
}

@test "a changed input is noticed at the next look, a second later at the most" {
    local before

    echo 12345 > text
    dj define sum -- sh -c 'dj get count '"$DJ_TMP"'/text' > out
    get sum > out
    start_ro
    cat "$RO/tasks/sum/_/result" > first
    has "$(cat first)" "6 "
    echo 123456789 > text
    wait_until gone "$RO/tasks/sum/_/result"
    get sum > out
    has "$(cat "$RO/tasks/sum/_/result")" "10 "
    # a tracked file
    echo 1 > tracked
    printf '[tr]\ntrack = tracked\ncommand = cat {here}/tracked\n' > tr.ini
    dj define tr.ini
    get tr > out
    is "$(cat "$RO/tasks/tr/_/result")" 1
    echo 2 > tracked
    wait_until gone "$RO/tasks/tr/_/result"
    # the time
    printf '[short]\nttl = 1s\ncommand = date\n' > short.ini
    dj define short.ini
    get short > out
    cat "$RO/tasks/short/_/result" > out
    wait_until gone "$RO/tasks/short/_/result"
}

look_at_all()
{
    seq 300 > numbers
    sed 's,^,sq/,' numbers > list
    dj -q get -f list > out
    sed "s,.*,$RO/tasks/sq/&/result," numbers > paths
    xargs cat < paths > looked
    same looked out
}

@test "300 names that were looked up are all gone after a version change, told once" {
    start_ro
    look_at_all
    cd "$RO/tasks/sq/9"
    dj bump sq
    wait_until none_of "$DJ_TMP/paths"
    wait_until gone result
    # who stands in a folder still does
    is "$(/bin/pwd)" "$RO/tasks/sq/9"
    is "$(cat status)" stale
    cd "$DJ_TMP"
    is "$(grep -c 'all names are taken back' ro.log)" 1
    not has_epochs || not grep -q 'NOTIFY: code=3' ro.log
    dj -q get -f list > out
    xargs cat < paths > looked
    same looked out
}

@test "runs that are deleted by the thousand are all gone" {
    seq 3000 > numbers
    sed 's,^,sq/,' numbers > list
    dj -q get -f list > out
    sed "s,.*,$RO/tasks/sq/&/result," numbers > paths
    start_ro
    xargs cat < paths > looked
    same looked out
    dj write tasks/sq/.ctl 'delete all'
    wait_until none_of paths
    is "$(ls "$RO/tasks/sq")" ""
}

@test "on a kernel without epochs names are taken back by their folder, those in use in a second" {
    start_ro no_epoch
    look_at_all
    not grep -q 'all names are taken back' ro.log
    exec 5< "$RO/tasks/sq/7/result"
    cd "$RO/tasks/sq/9"
    is "$(cat result)" 81
    dj bump sq
    wait_until grep -q 'all names are taken back by their folder' "$DJ_TMP/ro.log"
    wait_until grep -q 'NOTIFY: code=3' "$DJ_TMP/ro.log"
    wait_until none_of "$DJ_TMP/paths"
    wait_until gone result
    is "$(cat <&5)" 49
    exec 5<&-
    cd "$DJ_TMP"
    get sq 9 > out
    is "$(cat "$RO/tasks/sq/9/result")" 81
}

@test "who has a result open keeps its bytes, whatever became of it" {
    get big 9999999 > want
    start_ro
    exec 5< "$RO/tasks/big/9999999/result"
    head -c 100 <&5 > out
    dj rm big 9999999
    wait_until gone "$RO/tasks/big/9999999"
    cat <&5 >> out
    exec 5<&-
    same out want
}

@test "another daemon: all is looked up anew" {
    start_ro
    look_at_all
    exec 5< "$RO/tasks/sq/7/result"
    kill_daemon
    # while the mount cannot hear of it
    kill -STOP "$(our_pids djfs)"
    start_daemon --no-mount
    dj bump sq
    kill -CONT "$(our_pids djfs)"
    wait_until none_of paths
    is "$(cat <&5)" 49
    exec 5<&-
    dj -q get -f list > out
    xargs cat < paths > looked
    same looked out
}
