# fresh: results that the mount has never been asked for, each read once; from the store, beside a
# bindfs over the same tree on the disk, a folder a run; and over one folder with all files. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

read_each()
{
    sed "s,.*,$1/&$2," numbers | xargs cat > out
}

bench_fresh()
{
    local round

    [ -n "$fuse" ] && has bindfs bindfs && threads || return 0
    each_thread 1 "$runs"
    rm -rf files flat
    mkdir files flat
    seq "$runs" > numbers
    (cd files && xargs mkdir) < numbers
    while read -r n; do
        echo "$n" > "files/$n/result"
        echo "$n" > "flat/$n"
    done < numbers
    for ((round = 0; round <= rounds; round++)); do
        mount_anew
        timed djfs "$round" "$runs" read_each "$mnt/tasks/thread" /result
        cmp -s numbers out || die "the mount gave other results than it should"
        bindfs "$world/files" "$bound" || die "bindfs does not mount"
        timed bindfs "$round" "$runs" read_each "$bound" /result
        unbind
        bindfs "$world/flat" "$bound" || die "bindfs does not mount"
        timed 'bindfs, one folder' "$round" "$runs" read_each "$bound" ''
        unbind
        timed 'files of the disk' "$round" "$runs" read_each "$world/files" /result
    done > rounds
    grep -v "	0	" rounds | figures fresh djfs 'bindfs=1.0'
}
