# thread: a C function in a process that stays. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

bench_thread()
{
    local n=$((runs * 20)) few=$((runs / 50 + 2)) first=200000001 round begun ended group=200

    # Numbers that no other bench has: these runs are computed.
    threads || return 0
    [ "$n" -ge "$group" ] || group=$n
    for ((round = 0; round < rounds; round++)); do
        printf 'dj\t%d\t%d\n' "$round" "$(get_all thread "$first" $((first + n - 1)))"
        printf '20 000 a second\t%d\t50000\n' "$round"
        printf 'raw RocksDB\t%d\t%d\n' "$round" \
            "$("$tools/bench-store" -f "$group" "$n" "$world/floor")"
        begun=${EPOCHREALTIME/[.,]/}
        seq "$few" | xargs -P"$jobs" -n1 /bin/true
        ended=${EPOCHREALTIME/[.,]/}
        printf 'xargs -P%d true\t%d\t%d\n' "$jobs" "$round" $(((ended - begun) * 1000 / few))
        first=$((first + n))
    done > rounds
    figures thread dj '20 000 a second=1.0;raw RocksDB=3.0' < rounds
    # What was answered is stored: nothing is computed again.
    seq 200000001 $((first - 1)) > numbers
    sed 's,^,thread/,' numbers > list
    dj -q get --cached -f list | cmp -s numbers - || die "results that were answered are not stored"
}
