# Limits of memory that the kernel keeps, by cgroups of version 2. These tests run where one with the
# controller of memory is at hand: make check-cgroup.

load helper/djfs
load helper/memory

give_memory()
{
    echo +memory 2> /dev/null > "$1/cgroup.subtree_control"
}

# make_empty CGROUP: all but the root can give a controller only with no process in them, so we go into
# a leaf of it, with those who wait for us. CGROUP has to be delegated to us.
make_empty()
{
    local pid

    mkdir -p "$1/dj-tests" 2> /dev/null || return
    for pid in $(cat "$1/cgroup.procs"); do
        echo "$pid" 2> /dev/null > "$1/dj-tests/cgroup.procs" || [ ! -e "/proc/$pid" ] || return
    done
}

# own_cgroup2 [ENDING]: a fresh cgroup of version 2 with the controller of memory, into $cgroup; what
# they are below into $point.
own_cgroup2()
{
    local parent

    point=$(awk '$(NF - 2) == "cgroup2" || / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
    [ -n "$point" ] || skip "no cgroup of version 2 is mounted here"
    parent=$point$(sed -n 's,^0::/,/,p' /proc/self/cgroup)
    parent=${parent%/}
    parent=${parent%/dj-tests}
    grep -qw memory "$parent/cgroup.controllers" ||
        skip "the cgroups of version 2 here do not have the controller of memory"
    if ! grep -qw memory "$parent/cgroup.subtree_control"; then
        give_memory "$parent" || { make_empty "$parent" && give_memory "$parent"; } ||
            skip "our cgroup of version 2 may not give the controller of memory to others"
    fi
    cgroup=$parent/dj-test-$$${1-}
    mkdir "$cgroup" 2> /dev/null || skip "we may not make cgroups of version 2 here"
    on_exit leave_cgroup2 "$cgroup"
}

leave_cgroup2()
{
    stop_daemon
    wait_until rmdir_all "$1"
}

# start_inside: the daemon and its worker with a cgroup to themselves, as a unit with Delegate= has.
start_inside()
{
    local into=$cgroup

    # Once runs may have cgroups below it, no process may be in it.
    [ ! -d "$cgroup/dj-daemon" ] || into=$cgroup/dj-daemon
    [ ! -d "$cgroup/daemon" ] || into=$cgroup/daemon
    bash -c 'echo $$ > "$1/cgroup.procs"; exec dj up --store "$2" --workers 2 --no-mount' \
        sh "$into" "$DJ_STORE" > "$DJ_TMP/up.log" 2>&1 < /dev/null 3>&-
}

@test "a cgroup: over the limit, all processes together, within it; nothing is left of the runs" {
    own_cgroup2
    start_inside
    tasks
    exits 1 dj get hog
    is "$output" "dj: hog/_ failed: it used more memory than its limit of 100M"
    is "$(meta hog '.ended_by, .memory.watched_by, .exceeded.limit' | tr '\n' ' ')" \
        "memory cgroup 104857600 "
    is "$(dj why hog)" "failed: out of memory, above its limit of 100M, try 1 of 1"
    exits 1 dj get herd
    is "$(meta herd '.ended_by, .memory.watched_by' | tr '\n' ' ')" "memory cgroup "
    is "$(dj get modest)" 5
    is "$(meta modest .memory.watched_by)" cgroup
    peak=$(meta modest .memory.peak)
    # Kernels before 5.19 do not tell.
    [ "$peak" -eq 0 ] || [ "$peak" -gt $((20 << 20)) ]
    [ "$peak" -le $((100 << 20)) ]
    wait_until test -z "$(find "$cgroup" -name 'dj-run-*')"
    not runs eat.pl
    grep -q "limits of memory are kept by the cgroup $cgroup" "$XDG_RUNTIME_DIR/dj/djd.log"
}

@test "a cgroup: what others' limits end is not said to be the run's own" {
    own_cgroup2
    echo 80M > "$cgroup/memory.max"
    [ ! -e "$cgroup/memory.swap.max" ] || echo 0 > "$cgroup/memory.swap.max"
    # The kernel ends the largest: not djd, which has some 20 MiB.
    start_inside
    tasks
    exits 1 dj get hog
    is "$(meta hog '.ended_by, .memory.watched_by, .exceeded' | tr '\n' ' ')" \
        "out-of-memory cgroup null "
}

@test "a cgroup: a run ends over its limit also when the daemon is never to be ended" {
    own_cgroup2
    echo -1000 2> /dev/null > /proc/self/oom_score_adj || skip "we may not protect a process here"
    start_inside
    echo 0 > /proc/self/oom_score_adj
    tasks
    exits 1 timeout $((20 * DJ_TIME_FACTOR)) dj get hog
    is "$(meta hog '.ended_by, .memory.watched_by' | tr '\n' ' ')" "memory cgroup "
    is "$(cat "/proc/$(our_pids djw)/oom_score_adj")" -1000
}

@test "a cgroup: cgroups that a run has made in its own go with it" {
    own_cgroup2
    start_inside
    tasks
    for _ in 1 2 3; do
        is "$(dj get --force nested)" 3
        is "$(meta nested .memory.watched_by)" cgroup
    done
    wait_until test -z "$(find "$cgroup" -name 'dj-run-*')"
}

@test "a cgroup: two daemons in one leave each other's runs alone" {
    own_cgroup2
    start_inside
    tasks
    dj get patient > first 2>&1 3>&- &
    wait_until runs eat.pl
    export DJ_CONNECT=$DJ_TMP/other/socket DJ_STORE=$DJ_TMP/other-store
    start_inside
    tasks
    is "$(dj get modest)" 5
    is "$(meta modest .memory.watched_by)" cgroup
    dj down
    export DJ_CONNECT=$DJ_TMP/run/dj/socket DJ_STORE=$DJ_TMP/store
    is "$(cat first)" ""
    runs eat.pl
    dj cancel patient
    wait
}

@test "a service's cgroup stays as it is: its manager starts the next daemon there" {
    own_cgroup2 .service
    start_inside
    tasks
    is "$(dj get modest)" 5
    is "$(meta modest .memory.watched_by)" polling
    bash -c 'echo $$ > "$1/cgroup.procs"' sh "$cgroup"
    find "$cgroup" -mindepth 1 -type d | not grep .
    dj down
    # DelegateSubgroup=daemon
    wait_until no_daemon
    mkdir "$cgroup/daemon"
    start_inside
    is "$(dj get --force modest)" 5
    is "$(meta modest .memory.watched_by)" cgroup
}
