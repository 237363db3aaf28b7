# cold: tasks that nobody has computed. (bench/run)
# shellcheck shell=bash disable=SC2154,SC2034,SC2317 # variables and functions of bench/run

# Twice as many tasks as runs. Those that take ten times as long or more have a tenth of them.
many=$((runs * 2))
slow=$((runs / 5 + 1))
ways=(dj "xargs -P$jobs" "make -j$jobs")
! has ninja ninja-build || ways+=(ninja)
! joblib_python || ways+=(joblib)
if parallel --version 2> /dev/null | grep -q '^GNU parallel'; then
    ways+=(parallel)
else
    echo "bench: GNU parallel is not installed (package parallel): left out"
fi
! has doit python3-doit || ways+=(doit)
! has snakemake snakemake || ways+=(snakemake)

cat > many.py << 'END'
import subprocess, sys
from joblib import Memory, Parallel, delayed

def work(n):
    subprocess.run(["./to-files.sh", "out", n], check=True)

if __name__ == "__main__":
    work = Memory("out", verbose=0).cache(work)
    Parallel(n_jobs=int(sys.argv[1]))(delayed(work)(n.strip()) for n in open("numbers"))
END
cat > dodo.py << 'END'
def task_all():
    for n in map(str.strip, open("numbers")):
        yield {"name": n, "targets": ["out/%s.out" % n], "actions": [["./to-files.sh", "out", n]]}
END
cat > Snakefile << 'END'
NUMBERS = [n.strip() for n in open("numbers")]
rule all:
    input: expand("out/{n}.out", n=NUMBERS)
rule one:
    output: "out/{n}.out"
    shell: "./to-files.sh out {wildcards.n}"
END

# compute WAY FIRST LAST: the results in the folder out, or in the file out.
compute()
{
    case $1 in
    dj) dj get -f list > out ;;
    xargs*) xargs -P"$jobs" -n1 ./to-files.sh out < numbers ;;
    make*) make -s -j"$jobs" -f Makefile ;;
    ninja) ninja -j"$jobs" > ninja.log ;;
    joblib) "$python" many.py "$jobs" ;;
    doit) doit -n "$jobs" > doit.log ;;
    snakemake) snakemake -q all -j "$jobs" > snakemake.log 2>&1 ;;
    parallel) parallel --will-cite -j"$jobs" ./to-files.sh out < numbers ;;
    esac
}

prepare()
{
    rm -rf out
    [ "$1" = dj ] || mkdir out
    seq "$2" "$3" > numbers
    sed 's,^,echo/,' numbers > list
    {
        echo "all: $(sed 's,.*,out/&.out,' numbers | tr '\n' ' ')"
        # shellcheck disable=SC2016
        printf 'out/%%.out:\n\t./to-files.sh out $*\n'
    } > Makefile
    rm -rf .doit* .snakemake .ninja*
    {
        # shellcheck disable=SC2016
        printf 'rule one\n  command = ./to-files.sh out $n\n'
        sed 's,.*,build out/&.out: one\n  n = &,' numbers
    } > build.ninja
}

check()
{
    if [ "$1" != dj ]; then
        [ "$(find out -name '*.err' -size 0 | wc -l)" -eq "$(wc -l < numbers)" ] ||
            die "$1 left other logs than it should"
        sed 's,.*,out/&.out,' numbers | xargs cat > out.all
        rm -rf out
        mv out.all out
    fi
    cmp -s numbers out || die "$1 gave other results than it should"
}

# one ROUND WAY FIRST LAST
one()
{
    local begun ended

    prepare "${@:2}"
    begun=${EPOCHREALTIME/[.,]/}
    compute "$2"
    ended=${EPOCHREALTIME/[.,]/}
    check "$2"
    printf '%s\t%d\t%d\n' "$2" "$1" $(((ended - begun) * 1000 / ($4 - $3 + 1)))
}

bench_cold()
{
    local first=1000000 way round n

    for way in "${ways[@]}"; do
        one 0 "$way" 1 20 > /dev/null
    done
    for ((round = 0; round < rounds; round++)); do
        for way in "${ways[@]}"; do
            n=$many
            [[ $way != @(parallel|doit|snakemake) ]] || n=$slow
            one "$round" "$way" "$first" $((first + n - 1))
        done
        first=$((first + many))
    done > rounds
    figures cold dj "xargs -P$jobs=1.2;make -j$jobs=1.0;ninja=1.0;joblib=1.0;parallel=1.0;doit=1.0;snakemake=1.0" < rounds
    # What was answered is stored: nothing is computed again.
    seq 1000000 $((first - 1)) > numbers
    sed 's,^,echo/,' numbers > list
    dj get --cached -f list | cmp -s numbers - || die "results that were answered are not stored"
}
