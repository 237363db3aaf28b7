# scale: a store of a thousand times as many runs as are asked for, beside one of ten times as many:
# start, hits that neither mount nor daemon has met, memory. Ten million runs: -n 10000 scale. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

# filled STORE COUNT: a store with as many runs.
filled()
{
    local first

    stop
    start "$world/$1"
    dj define ./thread.so > /dev/null
    for ((first = 1; first <= $2; first += 1000000)); do
        get_all thread "$first" $(($2 < first + 999999 ? $2 : first + 999999)) > filled
    done
}

# some MOST: a thousand numbers up to it.
some()
{
    shuf -i "1-$1" -n "$((runs < 1000 ? runs : 1000))" > some
    sed 's,^,thread/,' some > list
}

get_some()
{
    dj -q get -f list > out
}

read_some()
{
    sed "s,.*,$mnt/tasks/thread/&/result," some | xargs cat > out
}

bench_scale()
{
    local few=$((runs * 10)) many=$((runs * 1000)) round size count djd

    threads || return 0
    filled few "$few"
    filled many "$many"
    for ((round = 0; round < rounds; round++)); do
        for size in few many; do
            count=${!size}
            stop
            timed "$count runs start" "$round" 1 start "$world/$size"
            some "$count"
            timed "$count runs get" "$round" "$(wc -l < some)" get_some
            cmp -s some out || die "dj get gave other results than it should"
            if [ -n "$fuse" ]; then
                some "$count"
                timed "$count runs read" "$round" "$(wc -l < some)" read_some
                cmp -s some out || die "the mount gave other results than it should"
            fi
            [ "$size" = few ] || djd=$(resident_kib djd)
        done
        printf '2 s start\t%d\t2000000000\n' "$round"
    done > rounds
    sed -n 's/ start\t/\t/p' rounds | figures start "$many runs" '2 s=1.0'
    sed -n 's/ get\t/\t/p' rounds | figures get "$many runs" "$few runs=1.5"
    [ -z "$fuse" ] || sed -n 's/ read\t/\t/p' rounds | figures read "$many runs" "$few runs=1.5"
    limited scale "djd with $many runs" "$djd" 524288
    stop
    start
}
