# Limits of memory that a reaper keeps, and what the kernel ends by itself; see cgroup.bats, too.

load helper/djfs
load helper/memory

# tight LINK: a cgroup of any version with little memory, and the link to it.
tight_cgroup()
{
    local point

    point=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
    if [ -n "$point" ] && grep -qw memory "$point/cgroup.controllers"; then
        echo +memory 2> /dev/null > "$point/cgroup.subtree_control"
        mkdir "$point/dj-tight-$$" 2> /dev/null || skip "we may not make cgroups here"
        echo 50M > "$point/dj-tight-$$/memory.max"
        [ ! -e "$point/dj-tight-$$/memory.swap.max" ] || echo 0 > "$point/dj-tight-$$/memory.swap.max"
    else
        point=$(awk '/ - cgroup .*memory/ { print $5; exit }' /proc/self/mountinfo)
        [ -n "$point" ] || skip "no cgroup here has the controller of memory"
        mkdir "$point/dj-tight-$$" 2> /dev/null || skip "we may not make cgroups here"
        echo 50M > "$point/dj-tight-$$/memory.limit_in_bytes"
    fi
    on_exit wait_until rmdir_all "$point/dj-tight-$$"
    ln -s "$point/dj-tight-$$" "$DJ_TMP/tight"
}

@test "what the kernel ends for want of memory is probably that; another SIGKILL is not" {
    tight_cgroup
    start_daemon --workers 2 --no-mount
    tasks
    exits 1 dj get outside
    is "$output" "dj: outside/_ was ended by SIGKILL: probably the machine was out of memory"
    is "$(meta outside '.ended_by, .memory.watched_by' | tr '\n' ' ')" "out-of-memory none "
    is "$(dj why outside)" "failed: signal 9 (Killed), probably out of memory, try 1 of 1"
    exits 1 dj get falls
    is "$output" "dj: falls/_ was ended by signal 9 (Killed)"
}

@test "without a cgroup the reaper looks, and meta says so" {
    bash -c 'for point in $(awk "/ - cgroup2 / { print \$5 }" /proc/self/mountinfo); do
        ! grep -qw memory "$point/cgroup.controllers" || exit 1; done' ||
        skip "there is one here"
    start_daemon --workers 2 --no-mount
    tasks
    exits 1 dj get hog
    [[ $output == "dj: hog/_ failed: it used "*" of memory, and its limit is 100M" ]]
    is "$(meta hog '.ended_by, .memory.watched_by' | tr '\n' ' ')" "memory polling "
    exits 1 dj get herd
    is "$(dj get modest)" 5
}
