# memory: ten times the runs, and what is held meanwhile. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

# most_kib COMMAND…: the most that it had in memory.
most_kib()
{
    python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=open("out", "w"))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"
}

# told WHO FEW MANY: a line, and an object.
told()
{
    awk -v who="$1" -v few="$2" -v many="$3" -v json="$json" 'BEGIN {
        ratio = few > 0 ? many / few : 0
        reached = ratio > 0 && ratio <= 2
        printf "%-8s %-24s first %7.1f MB  last %7.1f MB  ratio %7.3f  goal 2.0: %s\n", "memory",
            who, few / 1024, many / 1024, ratio, reached ? "reached" : "MISSED"
        printf "{\"bench\":\"memory\",\"who\":\"%s\",\"kib\":{\"first\":%d,\"last\":%d},", who,
            few, many >> json
        printf "\"ratio\":%.4f,\"goal\":2,\"reached\":%s}\n", ratio,
            reached ? "true" : "false" >> json
        exit !reached
    }' || missed=1
}

bench_memory()
{
    local few=$((runs * 10)) many=$((runs * 100)) begin=100000000 dj_few dj_many djd host

    threads || return 0
    if ! command -v python3 > /dev/null; then
        echo "bench: there is no python3: memory is left out"
        return 0
    fi
    # A daemon that has computed nothing yet.
    stop
    start
    seq "$begin" $((begin + few - 1)) | sed 's,^,thread/,' > list
    dj_few=$(most_kib dj -q get -f list)
    djd=$(resident_kib djd) host=$(resident_kib dj-host)
    seq $((begin + few)) $((begin + many - 1)) | sed 's,^,thread/,' > list
    dj_many=$(most_kib dj -q get -f list)
    [ "$(wc -l < out)" -eq $((many - few)) ] || die "dj get gave other results than it should"
    told dj "$dj_few" "$dj_many"
    told djd "$djd" "$(resident_kib djd)"
    told dj-host "$host" "$(resident_kib dj-host)"
}
