# A full disk: what cannot be stored is told as ENOSPC, nothing half-done is visible, daemon and mount
# go on, and when there is room again everything works.

load helper/djfs

setup()
{
    requires_root
    dj_setup
    mkdir "$DJ_TMP/disk"
    mount -t tmpfs -o size=24m djtest "$DJ_TMP/disk"
    on_exit end_disk
    export DJ_STORE=$DJ_TMP/disk/store
    start_daemon
    define_tasks << TASKS
[small]
command = echo small {n}
params = n:int
version = 1

[fill]
command = sh -c 'yes \$1 | head -c 3000000' sh {n}
params = n:int

[late]
command = sh -c 'yes \$1 | head -c 500000; touch $DJ_TMP/wrote.late; until [ -e $DJ_TMP/go ]; do sleep 0.02; done' sh {n}
params = n:int

[pad]
command = true
version = 1

[files]
command = sh -c 'yes \$1 | head -c 500000 > a; echo late; touch $DJ_TMP/wrote.files; until [ -e $DJ_TMP/go ]; do sleep 0.02; done' sh {n}
params = n:int

TASKS
}

end_disk()
{
    stop_daemon
    ! mountpoint -q "$DJ_TMP/disk" || umount "$DJ_TMP/disk"
}

teardown()
{
    [ -n "${DJ_TMP-}" ] || return 0
    dj_teardown
}

# fill_disk: not a byte is left.
fill_disk()
{
    dd if=/dev/zero of="$DJ_TMP/disk/filler" bs=4k oflag=append conv=notrunc status=none 2> /dev/null || :
    is "$(df --output=avail "$DJ_TMP/disk" | tail -n 1 | tr -d ' ')" 0
}

# fill_log: what small changes would find room in, the last page of the store's log.
fill_log()
{
    local n

    for n in $(seq 200); do
        dj bump pad > /dev/null 2>&1 || return 0
    done
    return 1
}

# refused CMD…: exit code 75 and a sentence.
refused()
{
    exits 75 "$@"
    has "$output" "the disk of the store $DJ_STORE is full"
}

all_is_well()
{
    is "$(dj get small 7)" "small 7"
    is "$(dj get --force small 1)" "small 1"
    dj invalidate tasks/small/1
    is "$(dj cat tasks/small/1/status)" stale
    dj rm tasks/small/1
    dj define later n:int -- echo later '{n}'
    is "$(dj get later 1)" "later 1"
    is "$(dj bump small)" 2
    is "$(dj get fill 9 | cksum)" "$(yes 9 | head -c 3000000 | cksum)"
    if fuse_usable; then
        is "$(cat "$MNT/tasks/small/8/result")" "small 8"
    fi
}

@test "a full disk: every change is refused and undone, what is stored is read, and room heals it" {
    local before
    dj get small 1
    dj get small 2
    dj get fill 1 | cksum > sum
    fill_disk
    fill_log
    before=$(dj cat tasks/small/.definition)
    refused dj get small 3
    refused dj get --force small 1
    refused dj define small n:int -- echo other '{n}'
    refused dj define fresh n:int -- echo other '{n}'
    refused dj bump small
    refused dj invalidate tasks/small/1
    refused dj rm tasks/small/1
    refused dj undefine small
    if fuse_usable; then
        gives_errno ENOSPC cat "$MNT/tasks/small/4/result"
        gives_errno ENOSPC rmdir "$MNT/tasks/small/1"
        gives_errno ENOSPC bash -c "echo invalidate > $MNT/tasks/small/1/ctl"
    fi
    # nothing of that is to be seen
    is "$(dj cat tasks/small/.definition)" "$before"
    is "$(dj cat tasks/small/.version)" 1
    is "$(dj ls tasks/small)" "$(printf '1\n2\n')"
    is "$(dj get --cached small 1)" "small 1"
    is "$(dj cat tasks/small/1/status)" 'done'
    is "$(dj cat tasks/small/3/status)" absent
    exits 5 dj get fresh 1
    is "$(dj get --cached fill 1 | cksum)" "$(cat sum)"
    rm disk/filler
    is "$(dj get --cached small 2)" "small 2"
    all_is_well
    # and a next daemon finds the same
    kill_daemon
    start_daemon
    is "$(dj cat tasks/small/.version)" 2
    is "$(dj get --cached later 1)" "later 1"
    is "$(dj get --cached fill 1 | cksum)" "$(cat sum)"
}

@test "a disk that is full when a run ends: its reader gets ENOSPC, and nothing of it is stored" {
    local reader code
    for task in late files; do
        rm -f go
        dj get "$task" 1 > got 2> said 3>&- &
        reader=$!
        wait_until test -e "wrote.$task" # else it is itself who meets the full disk
        fill_disk
        touch go
        code=0
        wait "$reader" || code=$?
        is "$code" 75
        has "$(cat said)" "the disk of the store $DJ_STORE is full"
        [ ! -s got ]
        is "$(dj cat "tasks/$task/1/status")" absent
        is "$(dj ls "tasks/$task")" ''
        rm disk/filler
        is "$(dj get "$task" 1 | head -n 1)" "$([ "$task" = late ] && echo 1 || echo late)"
    done
    is "$(dj cat tasks/files/1/files/a | cksum)" "$(yes 1 | head -c 500000 | cksum)"
}

@test "a task that meets a full disk itself: its reader gets ENOSPC, and it is tried again when asked" {
    fill_disk_but 2
    exits 75 dj get fill 1
    has "$output" "fill/1: it ended with exit code 1 while the disk of the store $DJ_STORE is full"
    if fuse_usable; then
        gives_errno ENOSPC cat "$MNT/tasks/fill/2/result"
    fi
    is "$(find "$DJ_STORE/content" -type f | wc -l)" 0
    rm disk/filler
    is "$(dj get fill 1 | cksum)" "$(yes 1 | head -c 3000000 | cksum)"
    all_is_well
}

# fill_disk_but MIB
fill_disk_but()
{
    local kib

    kib=$(df --output=avail -k "$DJ_TMP/disk" | tail -n 1)
    head -c "$(((kib - $1 * 1024) * 1024))" /dev/zero > "$DJ_TMP/disk/filler"
}

# It may have made something of nothing, and that is no answer any more when there is room.
@test "what a run makes of a call that met a full disk answers those who wait, and nobody later" {
    local n
    define_tasks << TASKS
[heedless]
command = sh -c 'dj get fill \$1 | wc -c' sh {n}
params = n:int
TASKS
    dj get fill 1 > /dev/null
    # Whether the little that there is to say finds room is chance: it may be refused itself.
    for n in 2 3 4; do
        fill_disk_but 2
        dj get heedless "$n" > said 2>&1 || [ -s said ]
        rm disk/filler
        is "$(dj get heedless "$n")" 3000000
    done
    all_is_well
}

@test "a daemon that finds a full disk says so, leaves the store, and starts when there is room" {
    dj get small 1
    dj down
    fill_disk
    exits 1 dj up --no-mount --store "$DJ_STORE"
    has "$output" "the disk of the store $DJ_STORE is full; it needs"
    rm disk/filler
    start_daemon
    is "$(dj get --cached small 1)" "small 1"
}

held_runs()
{
    [ "$(wc -l < "$DJ_TMP/held" 2> /dev/null)" = "$1" ]
}

@test "a full disk: what is refused is undone also where a run under way keeps its call in memory" {
    local beside reader code=0
    cat > held.sh <<'SH'
echo x >> "$1/held"
n=$(wc -l < "$1/held")
echo "$n"
until [ -e "$1/go-$n" ]; do sleep 0.02; done
SH
    dj define held -- sh "$DJ_TMP/held.sh" "$DJ_TMP"
    touch go-1
    is "$(dj get held)" 1
    dj get --force --incognito held > beside 3>&- &
    beside=$!
    wait_until held_runs 2
    fill_disk
    fill_log
    refused dj invalidate tasks/held/_
    is "$(dj get --cached held)" 1
    refused dj rm tasks/held/_
    is "$(dj get --cached held)" 1
    rm disk/filler
    dj invalidate tasks/held/_
    dj get held > got 2> said 3>&- &
    reader=$!
    wait_until held_runs 3
    fill_disk
    fill_log
    touch go-3
    wait "$reader" || code=$?
    is "$code: $(cat said)" "75: $(cat said)"
    has "$(cat said)" "the disk of the store $DJ_STORE is full"
    is "$(dj cat tasks/held/_/status) $(dj ls tasks/held/_/history)" "stale "
    rm disk/filler
    touch go-2
    wait "$beside"
    is "$(cat beside)" 2
    is "$(dj get small 5)" "small 5"
    dj fsck
}

@test "a full disk under many short runs: all that were refused are told so, and room heals it" {
    local refused

    define_thread_task short
    seq 100 | sed 's,^,short/,' > list
    dj get -f list > /dev/null # short, as is known now
    fill_disk
    fill_log
    seq 101 600 | sed 's,^,short/,' > list
    exits 1 dj get -f list
    refused=$(grep -c "the disk of the store $DJ_STORE is full" <<< "$output")
    is "$refused" 500
    # nothing of them is to be seen, and what is stored is read
    is "$(dj ls tasks/short | wc -l)" 100
    is "$(dj get --cached short 7)" 7
    is "$(dj cat tasks/short/101/status)" absent
    rm disk/filler
    dj get -f list > out
    seq 101 600 | cmp - out
    is "$(dj ls tasks/short | wc -l)" 600
    dj fsck
    kill_daemon
    start_daemon
    dj get --cached -f list | cmp - out
    all_is_well
}
