# resident: a Python program that stays, beside a process of it for each task. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

bench_resident()
{
    local few=$((runs / 50 + 2)) first=1 other=1 round python

    if ! command -v python3 > /dev/null; then
        echo "bench: there is no python3: resident is left out"
        return 0
    fi
    # Not what only looks for the program, as pyenv does.
    python=$(python3 -c 'import sys; print(sys.executable)')
    cat > number.py << 'END'
import json, sys

if len(sys.argv) > 1:
    print(int(sys.argv[1]))
else:
    for line in sys.stdin:
        call = json.loads(line)
        print(json.dumps({"run": call["run"], "result": "%d\n" % call["args"]["n"]}), flush=True)
END
    cat > number.dj << END
[stays]
params  = n:int
command = $python {here}/number.py
launch  = resident
[starts]
params  = n:int
command = $python {here}/number.py {n}
END
    dj define number.dj > /dev/null
    dj get stays 0 > /dev/null
    for ((round = 0; round < rounds; round++)); do
        printf 'resident\t%d\t%d\n' "$round" "$(get_all stays "$first" $((first + runs - 1)))"
        printf 'a process each\t%d\t%d\n' "$round" \
            "$(get_all starts "$other" $((other + few - 1)))"
        first=$((first + runs))
        other=$((other + few))
    done > rounds
    figures resident resident 'a process each=0.05' < rounds
}
