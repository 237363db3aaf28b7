# scale: a store of a thousand times as many runs as are asked for, beside one of ten thousand:
# start, hits that neither mount nor daemon has met, memory. Ten million runs: -n 10000 scale. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

# filled COUNT: a store with as many runs.
filled()
{
    local first

    if [ -e "$stores/$1" ]; then
        cat "$stores/$1"/db/*.sst > /dev/null # as when it had just been filled
        return 0
    fi
    stop
    start "$stores/$1.part"
    dj define ./thread.so > /dev/null
    for ((first = 1; first <= $1; first += 1000000)); do
        get_all thread "$first" $(($1 < first + 999999 ? $1 : first + 999999)) > filled
    done
    stop
    mv "$stores/$1.part" "$stores/$1"
    start
}

# some MOST COUNT: as many numbers up to it.
some()
{
    shuf -i "1-$1" -n "$2" > some
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

# A process each.
get_each()
{
    local n

    while read -r n; do
        dj get thread "$n"
    done < some > out
}

cat_each()
{
    local n

    while read -r n; do
        cat "$mnt/tasks/thread/$n/result"
    done < some > out
}

# hits STORE WHAT ROUND HOW HOW_MANY: as many at random, of that store.
hits()
{
    some "${!1}" "$5"
    timed "${!1} runs $2" "$3" "$(wc -l < some)" "$4"
    cmp -s some out || die "$2: other results than there should be"
}

bench_scale()
{
    local few=$((runs < 1000 ? runs * 10 : 10000)) many=$((runs * 1000)) round size djd
    local most=$((runs < 1000 ? runs : 1000)) each=$((runs < 200 ? runs : 200))

    threads || return 0
    stores=${stores:-$world/stores}
    mkdir -p "$stores"
    filled "$few"
    filled "$many"
    for ((round = 0; round < rounds; round++)); do
        for size in few many; do
            stop
            timed "${!size} runs start" "$round" 1 start "$stores/${!size}"
            hits "$size" get "$round" get_some "$most"
            hits "$size" each "$round" get_each "$each"
            if [ -n "$fuse" ]; then
                hits "$size" read "$round" read_some "$most"
                hits "$size" cat "$round" cat_each "$each"
            fi
            [ "$size" = few ] || djd=$(resident_kib djd)
        done
        printf '2 s start\t%d\t2000000000\n' "$round"
    done > rounds
    sed -n 's/ start\t/\t/p' rounds | figures start "$many runs" '2 s=1.0'
    sed -n 's/ each\t/\t/p' rounds | figures each "$many runs" "$few runs=1.5"
    sed -n 's/ get\t/\t/p' rounds | figures get "$many runs" "$few runs=1.5"
    if [ -n "$fuse" ]; then
        sed -n 's/ cat\t/\t/p' rounds | figures cat "$many runs" "$few runs=1.5"
        sed -n 's/ read\t/\t/p' rounds | figures read "$many runs" "$few runs=1.5"
    fi
    limited scale "djd with $many runs" "$djd" 524288
    stop
    start
}
