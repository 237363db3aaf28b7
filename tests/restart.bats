# Daemon, worker, mount and reapers killed at any moment: nothing is lost, nothing is left.

load helper/djfs

setup()
{
    dj_setup
}

teardown()
{
    dj_teardown
}

lines()
{
    wc -l < "$1"
}

@test "a mount that is there before its worker sees the calls of runs" {
    requires_fuse
    mkdir libexec
    printf '#!/bin/sh\nuntil [ -e %s/go ]; do sleep 0.02; done\nexec %s/djw "$@"\n' "$DJ_TMP" \
        "$DJ_LIBEXECDIR" > libexec/djw
    chmod +x libexec/djw
    DJ_LIBEXECDIR=$DJ_TMP/libexec start_daemon
    define_tasks <<TASKS
[child]
command = echo 1

[parent]
command = sh -c 'cat \$DJ/tasks/child/_/result'
TASKS
    ls "$MNT/tasks" > /dev/null
    touch go
    is "$(cat "$MNT/tasks/parent/_/result")" 1
    is "$(dj ls tasks/parent/_/deps)" child,_
}

@test "events survive the daemon, torn lines do not, and positions grow" {
    start_daemon
    define_tasks <<TASKS
[t]
command = echo {n}
params = n:int
TASKS
    dj get t 1
    dj cat events > before
    grep -q '"done"' before
    kill_daemon
    printf '{"time":1,"eve' >> "$DJ_STORE/events"
    start_daemon --no-mount
    dj get t 2
    dj cat events > after
    same <(head -c "$(stat -c %s before)" after) before
    is "$(grep -c '^{"time":[0-9.]*,"event":.*}$' after)" "$(lines after)"
    is "$(grep -c '"done"' after)" 2
    dj down
    start_daemon
    dj cat events > last
    same <(head -c "$(stat -c %s after)" last) after
    requires_fuse
    is "$(stat -c %s "$MNT/events")" "$(wc -c < "$MNT/events")"
}

@test "dj up right after a kill -9 of the daemon finds the mount that waits for it" {
    requires_fuse
    local djfs
    start_daemon
    djfs=$(our_pids djfs)
    for _ in 1 2 3; do
        kill_daemon
        exits 0 dj up --store "$DJ_STORE" "$MNT"
        is "$output" "mounted at $MNT"
    done
    is "$(our_pids djfs)" "$djfs"
    dj define one -- echo 1
    is "$(cat "$MNT/tasks/one/_/result")" 1
    # one of another daemon is refused as before
    mkdir run/other
    exits 1 dj --connect "$DJ_TMP/run/other/socket" up --store "$DJ_TMP/other" "$MNT"
    has "$output" "is a mount point already"
    dj --connect "$DJ_TMP/run/other/socket" down
    is "$(our_pids djfs)" "$djfs"
}

@test "dj up finds a mount whose readers gave up; it answers when that is said" {
    requires_fuse
    local djfs args
    mkdir -p "$XDG_CONFIG_HOME/dj"
    echo 'wait = 50ms' > "$XDG_CONFIG_HOME/dj/dj.conf"
    start_daemon
    djfs=$(our_pids djfs)
    for args in "$MNT" "" "$MNT" ""; do
        kill_daemon
        gives_errno ENOTCONN cat "$MNT/status"
        # shellcheck disable=SC2086
        exits 0 dj up --store "$DJ_STORE" $args
        has "$(cat "$MNT/status" 2>&1)" "store $DJ_STORE"
        is "$output" "mounted at $MNT"
    done
    is "$(our_pids djfs)" "$djfs"
}

# of_task: the processes of the task `piece` (and not those of the test).
of_task()
{
    pgrep -f "^sh $DJ_TMP/piece" || :
}

# piece: starts n, waits for $DJ_TMP/go, and its result is its own 3000 lines.
define_piece()
{
    printf 'echo started >> %s/starts; until [ -e %s/go ]; do sleep 0.02; done; yes "$1" | head -n 3000\n' \
        "$DJ_TMP" "$DJ_TMP" > piece
    dj define piece n:int -- sh "$DJ_TMP/piece" '{n}'
}

# A shell that is about to be `sleep` is one more for a moment.
pieces_are()
{
    [ "$(of_task | wc -l)" -eq "$1" ]
}

pieces_started()
{
    [ "$(lines starts)" -ge "$1" ]
}

@test "kill -9 of the worker: its runs go on under their reapers, and the next worker takes them in" {
    start_daemon --no-mount --workers 2
    define_piece
    dj get piece 1 > one 3>&- &
    local first=$! worker
    dj get piece 2 > two 3>&- &
    local second=$!
    wait_until pieces_started 2
    worker=$(our_pids djw)
    kill -KILL "$worker"
    wait_until not is_running "$worker"
    wait_until pieces_are 2
    touch go
    wait "$first" "$second"
    same one <(yes 1 | head -n 3000)
    same two <(yes 2 | head -n 3000)
    is "$(lines starts)" 2
    wait_until runs djw
    [ "$(our_pids djw)" != "$worker" ]
    is "$(dj get piece 3 | wc -l)" 3000
}

kill_reaper()
{
    kill -KILL "$(our_pids dj-reaper | while read -r pid; do
        [ -z "$(pgrep -P "$pid")" ] || echo "$pid"; done)"
}

@test "kill -9 of a reaper: the run is started again, at last lost, and no process of it stays" {
    start_daemon --no-mount
    define_piece
    dj get piece 1 > one 2> sentence 3>&- &
    local caller=$! code=0 n
    for n in 1 2 3 4; do
        wait_until pieces_started "$n"
        kill_reaper
    done
    wait "$caller" || code=$?
    is "$code" 75
    is "$(cat sentence)" "dj: piece/1 was lost 4 times: its processes ended without a trace"
    is "$(dj cat tasks/piece/1/status)" lost
    wait_until not pgrep -f "^sh $DJ_TMP/piece"
    exits 3 dj get --cached piece 1
    touch go
    is "$(dj get piece 1 | wc -l)" 3000
}

@test "the end of an attempt that was lost is not believed, and frees no slot" {
    mkdir libexec
    ln -s "$DJ_BUILDDIR/tests/tools/late-worker" libexec/djw
    DJ_LIBEXECDIR=$DJ_TMP/libexec start_daemon --no-mount --workers 2
    dj define t n:int -- echo '{n}'
    is "$(dj get t 1)" right
    is "$(dj cat tasks/t/1/meta | jq .attempt)" 2
    is "$(dj get --cached t 1)" right
    is "$(dj ls tasks/t/1/history)" ''
    is "$(dj get t 2)" right
    # both attempts came, the second not to the slot that has another run by now; the first slot
    # was used again after its end was taken
    cut -d' ' -f1,3- "$DJ_STORE/work/heard" > heard
    same heard <(printf '%s\n' 'run 1 0' 'run 2 1' 'taken 1 0' 'taken 2 1' 'run 1 0' 'taken 1 0')
}

@test "kill -9 of the mount: the next dj up mends it" {
    requires_fuse
    local djfs
    start_daemon
    dj define one -- echo 1
    djfs=$(our_pids djfs)
    kill -KILL "$djfs"
    wait_until not is_running "$djfs"
    gives_errno ENOTCONN ls "$MNT"
    exits 0 dj up "$MNT"
    is "$(cat "$MNT/tasks/one/_/result")" 1
    is "$(our_mounts | wc -l)" 1
}

# of_store: what there is to see of a store from outside, without what a lock's text says.
of_store()
{
    (cd "$1" && find . -type f -not -name LOCK -print0 | sort -z | xargs -0 sha256sum)
}

@test "a store of a newer format, and one that another daemon holds, are refused untouched" {
    local holder
    start_daemon --no-mount
    dj define one -- echo 1
    dj get one
    holder=$(our_pids djd)
    of_store "$DJ_STORE" > before
    exits 1 dj --connect "$DJ_TMP/run/dj/second" up --no-mount --store "$DJ_STORE"
    has "$output" "the store $DJ_STORE is in use by another daemon, process $holder"
    of_store "$DJ_STORE" > after
    same before after
    dj down
    sed -i 's/^format .*/format 999/' "$DJ_STORE/FORMAT"
    of_store "$DJ_STORE" > before
    exits 1 dj up --no-mount --store "$DJ_STORE"
    has "$output" "the store $DJ_STORE has format 999 and this djd reads formats up to"
    has "$output" "use the newer djd that wrote it"
    of_store "$DJ_STORE" > after
    same before after
    not runs djd
}

@test "kill -9 of the daemon while runs are answered: what was acknowledged is there, the rest is asked again" {
    requires_fuse
    local djfs blocked done_before=0 callers=()
    start_daemon --workers 2
    dj define small n:int -- sh -c 'echo "small $1"' sh '{n}'
    dj define large n:int -- sh -c 'yes "large $1" | head -c 1500000' sh '{n}'
    define_piece
    cat "$MNT/tasks/piece/7/result" > blocked 3>&- &
    blocked=$!
    wait_until pieces_started 1
    mkdir got
    # each caller's file gets its name when the caller ended well
    for n in 1 2 3; do
        (for i in $(seq $((n * 100)) $((n * 100 + 99))); do
            task=small; [ $((i % 4)) -ne 0 ] || task=large
            dj get "$task" "$i" > "got/part-$i" 2> /dev/null || exit 0
            mv "got/part-$i" "got/$task-$i"
        done) 3>&- &
        callers+=($!)
    done
    wait_until -t 20 sh -c '[ "$(ls got | grep -vc part)" -ge 8 ]'
    kill_daemon
    wait "${callers[@]}"
    rm -f got/part-*
    exits 0 dj up --store "$DJ_STORE" "$MNT"
    for name in got/*; do
        name=${name#got/}
        done_before=$((done_before + 1))
        dj get --cached "${name%-*}" "${name#*-}" > again
        same "got/$name" again
    done
    [ "$done_before" -ge 8 ]
    touch go
    wait "$blocked"
    same blocked <(yes 7 | head -n 3000)
    is "$(lines starts)" 1
    # every run that is seen is whole
    wait_until sh -c '! cat "$MNT"/status | grep -qE "^(running|queued) [1-9]"'
    for name in $(dj ls tasks/large); do
        [ "$(dj cat "tasks/large/$name/status")" != 'done' ] ||
            is "$(dj get --cached large "$name" | cksum)" "$(yes "large $name" | head -c 1500000 | cksum)"
    done
}

@test "a run that is begun again before the mount is back knows where it is" {
    requires_fuse
    local djfs
    start_daemon
    dj define tell -- sh -c "touch $DJ_TMP/began; test -e $DJ_TMP/go || exec sleep 60; echo \"\$DJ\""
    dj run tell
    wait_until test -e began
    djfs=$(our_pids djfs)
    kill -STOP "$djfs"
    on_exit kill -CONT "$djfs"
    kill_daemon
    { our_pids djw; our_pids dj-reaper; } | xargs kill -KILL
    wait_until not runs djw
    wait_until not runs dj-reaper
    touch go
    start_daemon --no-mount
    is "$(dj wait tell)" done
    is "$(dj get --cached tell)" "$MNT"
    kill -CONT "$djfs"
    wait_until test -e "$MNT/tasks/tell/_/result"
}
