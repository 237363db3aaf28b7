# frame: a sweep of which everything is there, a hundred rows for each run. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

bench_frame()
{
    local round begun ended

    dj frame n=1.."$runs" | dj -q map echo > /dev/null
    dj frame r=1..100 n=1.."$runs" > rows
    for ((round = 1; round <= rounds; round++)); do
        begun=${EPOCHREALTIME/[.,]/}
        dj -q map -i rows echo > out
        ended=${EPOCHREALTIME/[.,]/}
        [ "$(sed -n "s/.*\"n\":\([0-9]*\),.*\"result\":\1}/x/p" out | wc -l)" -eq $((runs * 100)) ] ||
            die "dj map gave other results than it should"
        printf 'dj map\t%d\t%d\n20 us a row\t%d\t20000\n' "$round" \
            $(((ended - begun) * 1000 / (runs * 100))) "$round"
    done > rounds
    figures frame 'dj map' '20 us a row=1.0' < rounds
}
