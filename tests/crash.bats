# The crash programme, a short run of it, with every kill point hit: tests/crash/crash.py.
# For long: make check-crash DJ_CRASH_CYCLES=500 DJ_CRASH_SEED=1

load helper/djfs

setup()
{
    dj_setup
}

teardown()
{
    dj_teardown
}

programme()
{
    requires_fuse
    requires python3
    mkdir "$DJ_TMP/crash"
    python3 -S "$DJ_SRCDIR/tests/crash/crash.py" "$DJ_BUILDDIR/tests/crash" "$DJ_TMP/crash" \
        --seed "${DJ_CRASH_SEED:-$RANDOM$RANDOM}" "$@" > programme 2>&1 < /dev/null 3>&- || {
        cat programme >&2
        tail -n 20 "$DJ_TMP/crash/programs.log" >&2
        return 1
    }
    cat programme
}

@test "the kill points of the sources are those of the list" {
    cd "$DJ_SRCDIR"
    grep -rhoE 'dj_kill_point\("[^"]*"\)' lib daemon fs | cut -d'"' -f2 > "$DJ_TMP/found"
    is "$(sort "$DJ_TMP/found" | uniq -d)" ''
    same <(sort "$DJ_TMP/found") tests/crash/points
}

@test "the programs that are installed cannot be made to end themselves" {
    for program in djd djw djfs; do
        grep -q DJ_KILL_FILE "$DJ_BUILDDIR/tests/crash/$program"
        not grep -q DJ_KILL_FILE "$DJ_BUILDDIR/$program"
    done
}

@test "killed at every kill point under load: nothing is lost, nothing is left, no hand is needed" {
    programme --points --verbose
    for point in $(cat "$DJ_SRCDIR/tests/crash/points"); do
        grep -q "hit:.* $point\*[1-9]" programme || { echo "$point was not hit" >&2; return 1; }
    done
}

@test "killed at random moments under load: nothing is lost, nothing is left, no hand is needed" {
    programme --cycles 8 --verbose
    grep -q '^8 cycles' programme
}

@test "the power fails at random moments under load: what was answered is there, no hand is needed" {
    not_beside_a_sanitizer
    cc -shared -fPIC -o synced.so "$BATS_TEST_DIRNAME/tools/synced.c" -ldl
    programme --power synced.so --cycles 8 --verbose
    grep -q '^8 cycles' programme
    [ -s crash/synced ]
}

# start_with_trap [OPTION]…: programs that end at a kill point; end_at POINT: the next that comes by;
# somebody_ended: one has.
start_with_trap()
{
    head -c 128 /dev/zero > "$DJ_TMP/trap"
    DJ_KILL_FILE=$DJ_TMP/trap DJ_LIBEXECDIR=$DJ_BUILDDIR/tests/crash start_daemon "$@"
}

end_at()
{
    printf %s "$1" | dd of=trap bs=1 seek=16 conv=notrunc status=none
    printf '\1' | dd of=trap bs=1 conv=notrunc status=none
}

somebody_ended()
{
    not cmp -s -n 4 -i 4 trap /dev/zero
}

is_running_now()
{
    [ "$(dj cat "tasks/$1/$2/status")" = running ]
}

# The daemon gives a slot to the next run as soon as it has taken the last one's outputs. What it
# sent is gone with the worker, and the next worker has the slot for the last run still.
@test "a worker that ends before it hears that a run was taken: the next run gets its slot" {
    start_with_trap --workers 1 --no-mount
    define_tasks <<TASKS
[waits]
command = sh -c 'until [ -e $DJ_TMP/go ]; do sleep 0.01; done; echo {n}'
params = n:int
TASKS
    dj run waits 1
    wait_until is_running_now waits 1
    dj run waits 2
    end_at djw-taken-heard
    touch go
    is "$(dj get waits 2)" 2
    is "$(dj get waits 1)" 1
    somebody_ended
}

@test "a reaper that is ended with the order to start a host: the runs begin again" {
    start_with_trap --workers 2 --no-mount
    define_thread_task t
    end_at reaper-ordered
    is "$(dj get t 1)" 1
    somebody_ended
    has "$(dj cat tasks/t/1/meta)" '"attempt": 2'
}

# block_notifier N: whether djfs waits for a lock that an unlink holds. What is stopped cannot answer:
# the unlink waits for its daemon, in the folder in which the kernel is to forget a name. It comes
# before the lock is taken when the kernel asks for the folder's mode once more.
block_notifier()
{
    local run=$MNT/tasks/t/$1 djd djfs

    djd=$(our_pids djd) djfs=$(our_pids djfs)
    cat "$run/result" > /dev/null
    rm -f there go
    (
        cd "$run" || exit
        ls -l > "$DJ_TMP/there"
        until [ -e "$DJ_TMP/go" ]; do sleep 0.01; done
        exec unlink result
    ) 2> said 3>&- &
    unlink=$!
    wait_until [ -s there ]
    kill -STOP "$djfs"
    dj invalidate "tasks/t/$1"
    touch go
    wait_until waits_in request_wait_answer "$unlink"
    kill -STOP "$djd"
    kill -CONT "$djfs"
    wait_until -t 1 waits_in fuse_reverse_inval_entry "$djfs" && return 0
    kill -CONT "$djd"
    wait_until not is_running "$unlink"
    return 1
}

@test "kill -9 of a mount that waits for a lock of the kernel: it goes, with all that wait for it" {
    requires_fuse
    local djfs unlink='' n=1 blocked=yes
    start_daemon
    on_exit umount_by_force
    dj define t n:int -- echo '{n}'
    # Where the kernel asks for the mode each time the lock is not met, and a plain kill is tested.
    until block_notifier "$n"; do
        n=$((n + 1))
        [ "$n" -lt 15 ] || { blocked=; break; }
    done
    djfs=$(our_pids djfs)
    kill -KILL "$djfs"
    wait_until not is_running "$unlink"
    kill -CONT "$(our_pids djd)"
    [ -z "$blocked" ] || not wait "$unlink"
    wait_until not runs djfs-guard
    not waits_in fuse_reverse_inval_entry "$djfs"
    exits 0 dj up --store "$DJ_STORE" "$MNT"
    is "$(cat "$MNT/tasks/t/0/result")" 0
}

umount_by_force()
{
    kill -CONT "$(our_pids djd)" 2> /dev/null || :
    is_mounted_dead || return 0
    umount -f "$MNT" 2> /dev/null || :
}

is_mounted_dead()
{
    ! timeout 2 stat "$MNT/status" > /dev/null 2>&1 && [ -n "$(our_mounts)" ]
}
