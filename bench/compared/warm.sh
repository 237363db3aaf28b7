# warm: results that are there, opened by a program. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

bench_warm()
{
    local hit=$mnt/tasks/echo/7/result

    [ -n "$fuse" ] || return 0
    echo 7 > ext4
    [ "$(cat "$hit")" = 7 ] || die "the mount gave another result than it should"
    null_anew 2
    "$tools/openread" -t -r "$((rounds * 3))" -n "$((runs < 1000 ? runs : 1000))" \
        "$null/file" "$hit" "$world/ext4" > rounds
    [ "$(cat "$hit")" = 7 ] || die "the mount gave another result than it should"
    sed -i -e "s,^$null/file,null FUSE," -e "s,^$hit,djfs," -e "s,^$world/ext4,a file of the disk," \
        rounds
    figures warm djfs 'null FUSE=1.15' < rounds
}
