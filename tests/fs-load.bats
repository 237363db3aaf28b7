# djfs alone: ten thousand readers blocked in open, and everybody else.
# alone

bats_require_minimum_version 1.5.0
load helper/djfs
load helper/fixture

setup()
{
    requires_fuse
    dj_setup
    start_fixture
    start_mount
}

teardown()
{
    dj_teardown
}

# block N PATH: N threads blocked in open.
block()
{
    "$TOOLS/openers" "$1" "$2" > openers.out 3>&- &
    openers=$!
    wait_until -t 60 count_is waiting "$1"
}

# slow FILE: what 99 of 100 times stat, open, read, close are faster than, in milliseconds: for who
# reads this. How fast others are is judged by bench/compared/blocked.sh.
slow()
{
    python3 - "$@" << 'PY'
import os, sys, time
took = []
for i in range(1000):
    t = time.perf_counter()
    os.stat(sys.argv[1])
    fd = os.open(sys.argv[1], os.O_RDONLY)
    os.read(fd, 4096)
    os.close(fd)
    took.append(time.perf_counter() - t)
print(round(sorted(took)[989] * 1000, 2))
PY
}

@test "10 000 blocked readers: three threads, and all else goes on" {
    block 10000 "$(result_of never)"
    "$TOOLS/openers" 200 "$MNT/tasks/echo/never/files/copy" > in-files.out 3>&- &
    wait_until count_is waiting 10200
    is "$(sed -n 's/^Threads:\t//p' "/proc/$MOUNT/status")" 3
    cat "$(result_of done)" > /dev/null
    for file in "$(result_of done)" "$MNT/tasks/echo/done/status" "$MNT/README"; do
        ms=$(slow "$file")
        echo "# ${file##*/}: 99 of 100 under $ms ms" >&3
    done
    not sh -c 'echo bogus > "$1/ctl"' - "$MNT" 2> /dev/null
    is "$(count waiting)" 10200 "everybody else was answered, and they still wait"
    echo release > "$MNT/ctl"
    wait "$openers"
    has "$(cat openers.out)" "10000 opened"
}

@test "10 000 blocked readers that are killed are gone at once" {
    block 10000 "$(result_of never)"
    kill -KILL "$openers"
    takes_about 0 5000 wait "$openers"
    wait_until count_is waiting 0
    is "$(ps -eo stat,comm | awk '$1 ~ /^D/ && $2 ~ /openers/' | wc -l)" 0
}

@test "10 000 blocked readers go on after the daemon was killed" {
    block 10000 "$(result_of never)"
    kill_fixture
    start_fixture
    wait_until -t 30 count_is waiting 10000
    echo release > "$MNT/ctl"
    wait "$openers"
    has "$(cat openers.out)" "10000 opened"
}
