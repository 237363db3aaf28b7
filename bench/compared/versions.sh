# versions: a task that many runs have called gets another version. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

# versions_tasks: outer calls inner; false: they cannot be built here.
versions_tasks()
{
    if ! command -v "${CC:-cc}" > /dev/null; then
        echo "bench: there is no C compiler (CC): versions is left out"
        return 1
    fi
    cat > versions.c << 'END'
#include <djfs/task.h>
DJ_TASK(inner, "params = n:int\nversion = 1")
{
    return dj_printf(run, "%lld\n", (long long)dj_arg_int(run, "n"));
}
DJ_TASK(outer, "params = n:int")
{
    if (dj_get(run, NULL, "inner/1") == NULL)
        return -1;
    return dj_printf(run, "%lld\n", (long long)dj_arg_int(run, "n"));
}
END
    ${CC:-cc} -O2 -shared -fPIC -I"$here/../lib" -o versions.so versions.c ||
        die "the tasks of versions could not be built"
    dj define ./versions.so > /dev/null
}

# look_up: all of `names` are there, in the read-only mount, with their sizes.
look_up()
{
    [ "$(xargs stat -c %s < names | wc -l)" -eq "$looked" ] ||
        die "results are not there that should be"
}

# served: how many of `names` are there still.
served()
{
    { xargs stat -c %s < names 2> stat.err || :; } | wc -l
}

bench_versions()
{
    local n=$((runs * 100)) looked round begun changed answered left=0 text
    local version=$mnt/tasks/inner/.version

    [ -n "$fuse" ] && versions_tasks || return 0
    looked=$((n < 100000 ? n : 100000))
    get_all outer 1 "$n" > /dev/null
    serve_ro
    # The one that is read next is not among them.
    seq 2 "$looked" | sed "s,.*,$ro/tasks/outer/&/result," > names
    looked=$((looked - 1))
    for ((round = 0; round < rounds; round++)); do
        look_up
        begun=${EPOCHREALTIME/[.,]/}
        echo 2 > "$version"
        changed=${EPOCHREALTIME/[.,]/}
        read -r text < "$mnt/tasks/outer/1/result"
        answered=${EPOCHREALTIME/[.,]/}
        [ "$text" = 1 ] || die "outer gave another result than it should"
        left=$((left + $(served)))
        printf 'a version change\t%d\t%d\n10 ms\t%d\t10000000\n' \
            "$round" $(((changed - begun) * 1000)) "$round"
        printf 'the first read\t%d\t%d\n5 ms\t%d\t5000000\n' \
            "$round" $(((answered - changed) * 1000)) "$round" >&3
        # With its old version the old results are back, and computed anew is what was read.
        echo 1 > "$version"
    done > rounds 3> rounds-read
    figures versions 'a version change' '10 ms=1.0' < rounds
    figures versions 'the first read' '5 ms=1.0' < rounds-read
    echo "versions   names that a read-only mount still served: $left of $((looked * rounds))," \
        "$n dependents"
    [ "$left" -eq 0 ] || die "a read-only mount served what is not valid"
}
