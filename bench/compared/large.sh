# large: a side file of as many MiB as runs are asked for: computed and taken in, read when neither
# cache nor daemon knows it, read again; beside cp and sync, bindfs and the disk's file. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

# uncached FILE: not in the page cache.
uncached()
{
    sync "$1" && dd of="$1" oflag=nocache conv=notrunc count=0 status=none
}

cp_and_sync()
{
    cp source beside/copy && sync beside/copy
}

# read_whole FILE: as fast as a program can that only reads it.
read_whole()
{
    dd if="$1" of=/dev/null bs=1M status=none
}

bench_large()
{
    local round time file stored

    [ -n "$fuse" ] && has bindfs bindfs || return 0
    head -c "${runs}M" /dev/urandom > source
    rm -rf beside
    mkdir beside
    # Each run's file is another one: the same bytes would be kept once.
    cat > copy.sh << END
#!/bin/sh
cp $world/source copy
echo "\$1" | dd of=copy conv=notrunc status=none
END
    chmod 755 copy.sh
    printf '[copy]\nparams = n:int\ncommand = %s {n}\n' "$world/copy.sh" > copy.dj
    dj define copy.dj > /dev/null
    for ((round = 0; round < rounds; round++)); do
        rm -f beside/copy
        timed 'cp and sync' "$round" "$runs" cp_and_sync
        timed 'dj get' "$round" "$runs" dj -q get copy "$round"
        dj rm copy "$((round - 1))" > rm.log 2>&1 || [ "$round" -eq 0 ] || die "$(cat rm.log)"
    done > rounds
    figures 'take in' 'dj get' 'cp and sync=2.0' < rounds

    file=$mnt/tasks/copy/$((rounds - 1))/files/copy
    echo $((rounds - 1)) | dd of=source conv=notrunc status=none
    cmp -s source "$file" || die "the mount gave another file than it should"
    stored=$(find store/content -type f -size "${runs}M" -newer beside/copy)
    for ((round = 0; round < rounds; round++)); do
        stop
        start
        uncached "$stored"
        timed djfs "$round" "$runs" read_whole "$file"
        uncached beside/copy
        bindfs "$world/beside" "$bound" || die "bindfs does not mount"
        timed bindfs "$round" "$runs" read_whole "$bound/copy"
        unbind
        uncached beside/copy
        timed 'the file, cold' "$round" "$runs" read_whole beside/copy
    done > rounds
    figures 'first' djfs 'bindfs=1.0' < rounds

    # Of pages that are read a second time the kernel notes that, a third time costs what the rest do.
    for ((round = 0; round < rounds; round++)); do
        mount_anew
        null_anew $((runs << 20))
        uncached beside/copy
        cat "$file" "$null/file" beside/copy > /dev/null
        for time in second third; do
            timed "$time djfs" "$round" "$runs" read_whole "$file"
            timed "$time null FUSE" "$round" "$runs" read_whole "$null/file"
            timed "$time a file of the disk" "$round" "$runs" read_whole beside/copy
        done
        null_down
    done > rounds
    for time in second third; do
        sed -n "s/^$time //p" rounds | figures "$time" djfs 'a file of the disk=1.25'
    done
}
