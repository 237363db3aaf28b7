# same: a hundred calls of one run that nobody has computed, beside joblib's memory, which computes
# for each process that asks. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

bench_same()
{
    local round

    [ -n "$fuse" ] || return 0
    cat > long.sh << 'END'
#!/bin/sh
sleep 1
echo "$1" | tee -a executed
exec date +%s%N > ended
END
    sed -i "s,executed,$world/executed,; s,ended,$world/ended," long.sh
    chmod 755 long.sh
    printf '[long]\nparams = n:int\ncommand = %s {n}\n' "$world/long.sh" > long.dj
    dj define long.dj > /dev/null
    cat > calls.py << 'END'
import sys, time
from joblib import Memory, Parallel, delayed

def work(n, log):
    time.sleep(1)
    with open(log, "a") as file:
        file.write("%d\n" % n)
    return n

if __name__ == "__main__":
    work = Memory(sys.argv[2], verbose=0).cache(work)
    Parallel(n_jobs=8)(delayed(work)(int(sys.argv[1]), sys.argv[3]) for _ in range(8))
END
    : > executed
    for ((round = 0; round < rounds; round++)); do
        "$tools/readers" "$mnt/tasks/long/$round/result" > readers || die "a reader failed"
        last=$(awk '$1 == "answered" { print $2 }' readers)
        printf 'the last of 100 answers\t%d\t%d\n20 ms after its end\t%d\t20000000\n' "$round" \
            $((last - $(cat ended))) "$round"
    done > rounds
    [ "$(wc -l < executed)" -eq "$rounds" ] || die "a call was computed more than once"
    figures same 'the last of 100 answers' '20 ms after its end=1.0' < rounds
    if joblib_python; then
        : > executed
        "$python" calls.py 1 "$world/memory" "$world/executed" || die "joblib failed"
        echo "same   joblib executed $(wc -l < executed) of 8 equal calls, dj 1 of 100"
    fi
}
