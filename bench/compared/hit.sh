# hit: results that are there, read by a process each. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

bench_hit()
{
    local times=$((runs / 20 + 1)) hit=$mnt/tasks/echo/7/result

    echo 7 > ext4
    [ "$(dj get echo 7)" = 7 ] || die "dj get gave another result than it should"
    set -- 'cat of a file' cat "$world/ext4" -- 'dj get' "$(command -v dj)" get echo 7
    if [ -n "$fuse" ]; then
        [ "$(cat "$hit")" = 7 ] || die "the mount gave another result than it should"
        set -- "$@" -- 'cat of a hit' cat "$hit"
    fi
    "$tools/loop" -r "$((rounds * 2))" -n "$times" "$@" > rounds
    grep -v '^cat of a hit' rounds | figures hit 'dj get' 'cat of a file=1.5'
    if [ -n "$fuse" ]; then
        grep -v '^dj get' rounds | figures hit 'cat of a hit' 'cat of a file=1.15'
    fi
}
