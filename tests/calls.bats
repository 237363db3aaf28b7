# Calls: shared while in flight, recorded whoever made them, and never in each other's way.

load helper/djfs

setup_file()
{
    dj_setup
    mkdir "$DJ_TMP/count"
    start_daemon --workers 1
    define_tasks <<TASKS
[gate]
command = {here}/gate {n}
params = n

[child]
command = echo {n}
params = n:int

[reader]
command = cat {f}
params = f, n:int

[shell]
command = sh -c {text}
params = text

[hasty]
command = sh -c {text}
params = text
timeout = 2s

[round]
command = {here}/round {n} {of} {how}
params = n:int, of:int, how
TASKS
    cat > "$DJ_TMP/gate" <<SH
#!/bin/sh
echo x >> "$DJ_TMP/count/gate-\$1"
until [ -e "$DJ_TMP/open-\$1" ]; do sleep 0.02; done
echo through
SH
    cat > "$DJ_TMP/round" <<'SH'
#!/bin/sh
next=$((($1 + 1) % $2))
case $3 in
mount) exec cat "$DJ/tasks/round/n=$next,of=$2,how=$3/result" ;;
files) exec ls "$DJ/tasks/round/n=$next,of=$2,how=$3/files/" ;;
wait) exec cat "$DJ/tasks/round/n=$next,of=$2,how=$3/wait" ;;
*) exec dj get ${3#get} round "$next" "$2" "$3" ;;
esac
SH
    chmod +x "$DJ_TMP/gate" "$DJ_TMP/round"
}

teardown_file()
{
    dj_teardown
}

lines()
{
    wc -l < "$1"
}

status_is()
{
    [ "$(dj cat "tasks/$1/status")" = "$2" ]
}

# calls_child TEXT: the shell task whose text is this has called child/7.
calls_child()
{
    dj get shell "$1" > out || { cat out; return 1; }
    is "$(dj ls "$(dj path shell "$1")/deps")" child,7 "$1"
}

@test "a hundred readers through the mount and through dj get share one run" {
    requires_fuse
    for i in $(seq 50); do
        cat "$MNT/tasks/gate/all/result" > "gate.$i" 3>&- &
        dj get gate all > "gate.g$i" 3>&- &
    done
    wait_until test -e count/gate-all
    is "$(our_pids cat | wc -l)" 50
    touch open-all
    wait
    is "$(cat gate.* | sort | uniq -c | xargs)" "100 through"
    is "$(lines count/gate-all)" 1
}

@test "a call is recorded though the kernel holds the file and its reader ends at once" {
    requires_fuse
    local file=$MNT/tasks/child/1/result
    is "$(cat "$file")" 1
    is "$(cat "$file")" 1
    seq 200 | sed "s|^|reader/${file//\//%2F},|" > list
    dj get -f list > results
    is "$(sort results | uniq -c | xargs)" "200 1"
    is "$(dj ls tasks/child/1/dependents | wc -l)" 200
    for n in 1 77 200; do
        is "$(dj ls "$(dj path reader "$file" $n)/deps")" child,1
    done
}

@test "whatever way a call is made in, it is on record" {
    requires_fuse
    is "$(dj get child 7)" 7
    cat "$MNT/tasks/child/7/result" > /dev/null
    calls_child 'cat $DJ/tasks/child/7/result'
    calls_child 'dj get child 7'
    calls_child 'dj cat tasks/child/7/result'
    calls_child 'env -u DJ_RUN cat $DJ/tasks/child/7/result'
    calls_child 'ls $DJ/tasks/child/7/files/; echo'
    # out of the session: once in a child, twice forked away, with a terminal, by another user
    calls_child 'setsid -w cat $DJ/tasks/child/7/result'
    calls_child 'setsid -w dj get child 7'
    calls_child 'nohup cat $DJ/tasks/child/7/result'
    calls_child '(setsid sh -c "(sleep 0.05; cat $DJ/tasks/child/7/result > \$PWD/got; mv got done) &" &) ; until [ -e done ]; do sleep 0.02; done; cat done'
    # as from a place that sees no mount and no session: only the token says who asks
    calls_child 'env -i PATH="$PATH" DJ_CONNECT="$DJ_CONNECT" DJ_RUN="$DJ_RUN" setsid -w dj get child 7'
}

@test "a call from a pseudo terminal, or by way of su, is on record" {
    requires_fuse
    requires script
    calls_child 'script -qec "cat $DJ/tasks/child/7/result" /dev/null < /dev/null'
    [ "$(id -u)" -eq 0 ] || return 0
    calls_child 'su root -c "cat $DJ/tasks/child/7/result"'
}

@test "who dies while it waits is not started again, and withdraws what it asked for" {
    requires_fuse
    # The first call has the only slot when the caller's time is over; the second stands in line,
    # and so does the caller, to go on. Its slot comes while what it left is still being taken in.
    dj get hasty "echo x >> $DJ_TMP/count/hasty; truncate -s 600M left; cd \$DJ/tasks/gate
        cat held1/result & until [ -e $DJ_TMP/count/gate-held1 ]; do sleep 0.02; done
        cat held2/result" > out 2>&1 3>&- &
    wait_until test -e count/gate-held1
    wait_until grep -q '"cancelled before' "$MNT/events"
    touch open-held1 open-held2
    wait
    has "$(cat out)" "took longer than its timeout"
    is "$(dj cat tasks/gate/held2/status)" absent
    is "$(dj get child 8)" 8
    is "$(dj cat tasks/gate/held1/status)" done
    is "$(lines count/hasty)" 1
    [ ! -e count/gate-held2 ]
}

idle()
{
    dj cat status | grep -q '^busy 0' && dj cat status | grep -q '^queued 0'
}

@test "cancel and delete end all of a run that is under way, not just the newest" {
    local how
    for how in "cancel tasks/gate/both" "rm tasks/gate/both" "write tasks/gate/.ctl delete_all"; do
        dj write tasks/gate/both/ctl run
        wait_until eval "dj cat tasks/gate/both/status | grep -qx running"
        dj write tasks/gate/both/ctl force
        # shellcheck disable=SC2086
        set -- $how
        dj "${@//_/ }"
        wait_until idle
        is "$(dj cat tasks/gate/both/status | sed s/cancelled/absent/)" absent "$how"
    done
}

@test "a cycle fails with EDEADLK and names itself" {
    local how
    for how in get "get--incognito" "get--force"; do
        exits 1 dj get round 0 1 "$how"
        has "$output" "a cycle: round/n=0,of=1,how=$how waits for round/n=0,of=1,how=$how"
    done
    exits 1 dj get round 1 3 get
    has "$(dj cat tasks/round/n=0,of=3,how=get/log)" "a cycle: round/n=0,of=3,how=get waits for round/n=1,of=3,how=get waits for round/n=2,of=3,how=get waits for round/n=0,of=3,how=get"
    requires_fuse
    for how in mount files wait; do
        exits 1 dj get round 0 1 $how
        has "$output" "$(errno_text EDEADLK)"
        [ $how != wait ] || continue # where nothing is under way there is nothing to wait for
        exits 1 dj get round 0 3 $how
        has "$(dj cat "tasks/round/n=2,of=3,how=$how/log")" "$(errno_text EDEADLK)"
    done
    gives_errno EIO cat "$MNT/tasks/round/n=0,of=2,how=mount/result"
    has "$(cat "$MNT/tasks/round/n=1,of=2,how=mount/log")" "$(errno_text EDEADLK)"
}

@test "a cycle of forced runs ends, too" {
    exits 1 dj get round 0 2 "get--force"
    has "$output" "a cycle: "
}
