# list: ls and ls -l of a task's folder with many runs, beside as many folders of the disk and a
# bindfs over them; until its first entry is there; what djd and djfs hold by then. (bench/run)
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

# held NAME: the most that our program of that name had in memory, in KiB; of djfs, which is two
# processes, the one that had more.
held()
{
    local proc

    for proc in /proc/[0-9]*; do
        if [ "$(readlink "$proc/exe")" = "$DJ_BUILDDIR/$1" ] &&
            tr '\0' '\n' < "$proc/environ" | grep -qx "HOME=$HOME"; then
            sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "$proc/status"
        fi
    done 2> /dev/null | sort -n | tail -1
}

# grown COUNT: what a daemon and a mount that have just begun hold before and after COUNT runs were
# listed, plainly and in detail: a line, and an object, each.
grown()
{
    local djd djfs name

    dj down "$mnt" > down.log 2>&1 || die "$(cat down.log)"
    start
    stat "$mnt/tasks/thread" > out
    djd=$(held djd) djfs=$(held djfs)
    ls -U "$mnt/tasks/thread" > out
    ls -l "$mnt/tasks/thread" > out
    for name in djd djfs; do
        printf 'list   %-24s before %6.1f MB  after %6.1f MB  of %d runs\n' "$name" \
            "$((${!name} * 10 / 1024))e-1" "$(($(held "$name") * 10 / 1024))e-1" "$1"
        printf '{"bench":"list","who":"%s","runs":%d,"kib":{"first":%d,"last":%d}}\n' "$name" \
            "$1" "${!name}" "$(held "$name")" >> "$json"
    done
}

bench_list()
{
    local n=$((runs * 10)) round how first=0

    [ -n "$fuse" ] && has bindfs bindfs && threads || return 0
    each_thread 1 "$n"
    rm -rf folders
    mkdir folders
    (cd folders && seq "$n" | xargs mkdir)
    [ "$n" -le 100000 ] || first=1 # no round to warm up when each takes minutes
    for how in -U -l; do
        for ((round = first; round <= rounds; round++)); do
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
    grown "$n"
}
