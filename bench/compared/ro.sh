# ro: results in a read-only mount, opened and looked at by a program. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

# ro_rounds NAME OPTION…: rounds on stdout, with the names of the three.
ro_rounds()
{
    "$tools/openread" -t "$@" -r "$((rounds * 3))" -n "$((runs < 1000 ? runs : 1000))" \
        "$ro/$path" "$world/disk/$path" "$null/file" |
        sed -e "s,^$null/file,null FUSE," -e "s,^$ro/$path,djfs -o ro," \
            -e "s,^$world/disk/$path,a file of the disk,"
}

bench_ro()
{
    local path=tasks/echo/7/result

    [ -n "$fuse" ] || return 0
    mkdir -p "$world/disk/${path%/*}"
    echo 7 > "$world/disk/$path"
    dj get echo 7 > out
    null_anew 2
    serve_ro
    [ "$(cat "$ro/$path")" = 7 ] || die "the mount gave another result than it should"
    ro_rounds > rounds
    [ "$(cat "$ro/$path")" = 7 ] || die "the mount gave another result than it should"
    figures ro 'djfs -o ro' 'a file of the disk=2.0;null FUSE=0.333' < rounds
    ro_rounds -s > rounds
    figures 'ro, stat' 'djfs -o ro' 'a file of the disk=2.0' < rounds
}
