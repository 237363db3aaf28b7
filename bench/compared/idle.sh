# idle: what daemon and mount do while nobody wants anything. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

# used PROGRAM: the switches between threads and the microseconds of a processor so far.
used()
{
    local pid task switches=0 ticks=0

    for pid in $(ours "$1"); do
        for task in "/proc/$pid/task/"*; do
            switches=$((switches + $(awk '/ctxt_switches/ { n += $2 } END { print n }' \
                "$task/status")))
        done
        ticks=$((ticks + $(sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }')))
    done
    echo "$switches $((ticks * 1000000 / $(getconf CLK_TCK)))"
}

bench_idle()
{
    local seconds=$((runs / 50 + 2)) program before after

    # One that has just started, and has answered once.
    stop
    start
    [ "$(dj get echo 7)" = 7 ] || die "dj get gave another result than it should"
    sleep 3
    for program in djd djfs; do
        [ "$program" = djd ] || [ -n "$fuse" ] || continue
        eval "before_$program=\$(used $program)"
    done
    sleep "$seconds"
    for program in djd djfs; do
        [ "$program" = djd ] || [ -n "$fuse" ] || continue
        eval "before=\$before_$program"
        after=$(used "$program")
        awk -v who="$program" -v seconds="$seconds" -v before="$before" -v after="$after" \
            -v json="$json" 'BEGIN {
            split(before, from)
            split(after, to)
            switches = to[1] - from[1]
            share = (to[2] - from[2]) / seconds / 1e6
            reached = switches == 0 && share < 0.001
            printf "idle     %-24s %d switches, %.3f %% of a processor in %d s  goal 0: %s\n", who,
                switches, share * 100, seconds, reached ? "reached" : "MISSED"
            printf "{\"bench\":\"idle\",\"who\":\"%s\",\"seconds\":%d,\"switches\":%d,", who,
                seconds, switches >> json
            printf "\"share\":%.6f,\"reached\":%s}\n", share, reached ? "true" : "false" >> json
            exit !reached
        }' || missed=1
    done
}
