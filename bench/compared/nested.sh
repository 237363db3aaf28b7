# nested: calls in a chain, each of which waits for the next. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

# A number says how deep a chain of its own goes: so each round is computed.
nested_task()
{
    threads || return 1
    cat > nested.c << 'END'
#include <djfs/task.h>
DJ_TASK(nested, "params = chain:int n:int")
{
    long long chain = dj_arg_int(run, "chain"), n = dj_arg_int(run, "n");
    const char *below;

    if (n == 0)
        return dj_printf(run, "0\n");
    below = dj_getf(run, NULL, "nested/%lld,%lld", chain, n - 1);
    return below == NULL ? -1 : dj_printf(run, "%lld\n", atoll(below) + 1);
}
END
    ${CC:-cc} -O2 -shared -fPIC -I"$here/../lib" -o nested.so nested.c ||
        die "the task that calls itself could not be built"
    dj define ./nested.so > /dev/null
    dj get nested 0 0 > /dev/null
}

nested_chain()
{
    [ "$(dj get nested "$1" "$2")" = "$2" ] || die "a chain of calls gave another result than it should"
}

bench_nested()
{
    local deep=$((runs / 5 + 1)) round

    nested_task || return 0
    [ "$deep" -le 1000 ] || deep=1000
    for ((round = 0; round < rounds; round++)); do
        timed dj "$round" "$deep" nested_chain $((round + 1)) "$deep"
        printf 'raw RocksDB\t%d\t%d\n' "$round" \
            "$("$tools/bench-store" -f 1 "$deep" "$world/floor")"
    done > rounds
    figures nested dj '' < rounds
}
