# list: ls and ls -l of a task's folder with many runs, beside as many folders of the disk and a
# bindfs over them. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

listed()
{
    ls "$1" "$2" > out
}

# first_ms FOLDER: until the first entry is there, of a folder that is listed in pages.
first_ms()
{
    python3 -c 'import os, sys, time
begun = time.monotonic()
with os.scandir(sys.argv[1]) as entries:
    next(entries)
print("%.1f" % ((time.monotonic() - begun) * 1e3))' "$1"
}

bench_list()
{
    local n=$((runs * 10)) round how

    [ -n "$fuse" ] && has bindfs bindfs && threads || return 0
    each_thread 1 "$n"
    rm -rf folders
    mkdir folders
    (cd folders && seq "$n" | xargs mkdir)
    for how in -U -l; do
        for ((round = 0; round <= rounds; round++)); do
            mount_anew
            timed djfs "$round" "$n" listed "$how" "$mnt/tasks/thread"
            [ "$(wc -l < out)" -ge "$n" ] || die "the mount lists too little"
            bindfs "$world/folders" "$bound" || die "bindfs does not mount"
            timed bindfs "$round" "$n" listed "$how" "$bound"
            unbind
            timed 'folders of the disk' "$round" "$n" listed "$how" "$world/folders"
        done > rounds
        grep -v "	0	" rounds | figures "ls $how" djfs 'bindfs=1.0'
    done
    ! has python3 python3 || for ((round = 0; round < rounds; round++)); do
        printf 'the first entry\t%d\t%d\n50 ms\t%d\t50000000\n' "$round" \
            "$(first_ms "$mnt/tasks/thread" | awk '{ printf "%d", $1 * 1e6 }')" "$round"
    done | figures 'ls -U' 'the first entry' '50 ms=1.0'
}
