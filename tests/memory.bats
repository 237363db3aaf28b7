# Limits of memory by cgroups of version 2, where one can be had with the controller; and what the
# kernel ends by itself.

load helper/djfs

setup()
{
    dj_setup
    requires perl
}

teardown()
{
    dj_teardown
}

tasks()
{
    printf '%s\n' '#!/usr/bin/perl' '$x = "x" x ($ARGV[0] << 20); sleep $ARGV[1]; print "5\n"' > eat.pl
    chmod +x eat.pl
    define_tasks <<TASKS
[hog]
command = ./eat.pl 200 60
memory = 100M

[herd]
command = sh -c '{here}/eat.pl 60 60 & {here}/eat.pl 61 60 & sleep 60'
memory = 100M

[modest]
command = ./eat.pl 20 0
memory = 100M

[patient]
command = sh -c '{here}/eat.pl 20 60'
memory = 100M

[nested]
command = sh -c 'd=\$(sed -n "s,^0::,$point,p" /proc/self/cgroup) && mkdir \$d/deep \$d/deep/er && echo 3'
memory = 100M

[outside]
command = sh -c 'echo 0 > $DJ_TMP/tight/cgroup.procs && exec {here}/eat.pl 200 60'

[falls]
command = sh -c 'kill -KILL \$\$'
TASKS
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
    grep -qw memory "$parent/cgroup.controllers" ||
        skip "the cgroups of version 2 here do not have the controller of memory"
    if ! grep -qw memory "$parent/cgroup.subtree_control"; then
        echo +memory 2> /dev/null > "$parent/cgroup.subtree_control" ||
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

rmdir_all()
{
    find "$1" -depth -type d -exec rmdir {} \;
    [ ! -e "$1" ]
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

meta()
{
    dj cat "tasks/$1/_/meta" | jq -r "$2"
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
