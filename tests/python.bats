# The programs of datajuicer's tutorial with djfs.py, each twice: it prints what the tutorial says,
# and what was cached is not computed.

load helper/djfs
load helper/python

setup()
{
    python_setup
    start_daemon --no-mount --workers 2
}

teardown()
{
    dj_teardown
}

@test "the basic program, without a guard: the second time nothing is incremented" {
    cat > basic.py <<'PYTHON'
import djfs as dj

@dj.task()
def increment(n):
    print(f"Incrementing {n}")
    return n + 1

dj.setup()
print(dj.tasks.increment(5).get())
PYTHON
    py basic.py
    said out 6
    said err "Incrementing 5"
    [ "$(dj log increment/5)" = "Incrementing 5" ]
    py basic.py
    said out 6
    [ ! -s err ]
    [ "$(dj cat tasks/increment/5/meta | jq .instance)" -eq 1 ]
    [ "$(dj ls tasks/increment)" = 5 ]
    [ "$(dj get increment 5)" = 6 ]
}

@test "the same with tasks.add for a decorator" {
    cat > basic.py <<'PYTHON'
import djfs as dj

@dj.tasks.add()
def increment(n):
    print(f"Incrementing {n}")
    return n + 1

dj.setup()
print(dj.tasks.increment(5).get())
PYTHON
    py basic.py
    said out 6
    said err "Incrementing 5"
    py basic.py
    said out 6
    [ ! -s err ]
}

# with CALL: the basic program with this for its call.
with()
{
    cat > with.py <<PYTHON
import djfs as dj

@dj.task()
def increment(n):
    print(f"Incrementing {n}")
    return n + 1

dj.setup()
run = dj.tasks.increment($1)
print(run.get())
${2-}
PYTHON
    py with.py
    said out 6
}

@test "force, incognito and both" {
    with "5, incognito=True"
    said err "Incrementing 5"
    [ -z "$(dj ls tasks/increment)" ]
    with "5, force=True"
    said err "Incrementing 5"
    with "5, force=True"
    said err "Incrementing 5"
    [ "$(dj ls tasks/increment/5/history | wc -l)" -eq 1 ]
    with "5, incognito=True"
    [ ! -s err ]
    with "5, force=True, incognito=True"
    said err "Incrementing 5"
    [ "$(dj ls tasks/increment/5/history | wc -l)" -eq 1 ]
    with 5
    [ ! -s err ]
}

@test "a run that is deleted is computed again" {
    with 5 "run.delete()"
    said err "Incrementing 5"
    with 5
    said err "Incrementing 5"
    with 5
    [ ! -s err ]
}

@test "a new version: also what had called it is computed again; set back, the old results count" {
    cat > versions.py <<'PYTHON'
import sys
import djfs as dj

@dj.task(version=2.0 if len(sys.argv) > 1 else 1.0)
def increment(n):
    print(f"Incrementing {n}")
    return n + 1

@dj.task()
def twice(n):
    print(f"Twice {n}")
    return dj.tasks.increment(dj.tasks.increment(n).get()).get()

if __name__ == "__main__":
    dj.setup()
    print(dj.tasks.twice(5).get())
PYTHON
    py versions.py
    said out 7
    said err "Twice 5" "Incrementing 5" "Incrementing 6"
    py versions.py
    [ ! -s err ]
    py versions.py 2
    said out 7
    said err "Twice 5" "Incrementing 5" "Incrementing 6"
    [ "$(dj cat tasks/increment/.version)" = 2.0 ]
    py versions.py
    said out 7
    [ ! -s err ]
}

@test "Ignore, and Keep, which says the same" {
    local rule
    for rule in "verbose=dj.Ignore" "n=dj.Keep"; do
        cat > rules.py <<PYTHON
import djfs as dj

@dj.task($rule, name="${rule:0:1}")
def increment(n, verbose=True):
    if verbose:
        print(f"Incrementing {n}")
    return n + 1

if __name__ == "__main__":
    print(dj.tasks.${rule:0:1}(5, verbose=False).get())
    print(dj.tasks.${rule:0:1}(5).get())
    print(dj.tasks.${rule:0:1}(6).get())
PYTHON
        py rules.py
        said out 6 6 7
        said err "Incrementing 6"
        py rules.py
        said out 6 6 7
        [ ! -s err ]
        [ "$(dj ls "tasks/${rule:0:1}" | wc -l)" -eq 2 ]
    done
}

@test "side files by numpy: a tuple is the same argument in every process" {
    cat > vector.py <<'PYTHON'
import djfs as dj
import numpy as np

@dj.task()
def random_vector(shape):
    vec = np.random.rand(*shape)
    with dj.open("vec.npy", "wb+") as f:
        np.save(f, vec)

dj.setup()
with dj.tasks.random_vector((10,)).open("vec.npy", "rb") as f:
    print(np.load(f))
PYTHON
    py vector.py
    [ "$(tr ' ' '\n' < out | grep -c '0\.')" -eq 10 ]
    cp out first
    py vector.py
    cmp out first
    [ "$(dj ls tasks/random_vector | wc -l)" -eq 1 ]
    [ "$(dj ls tasks/random_vector/*/files 2> /dev/null || dj ls 'tasks/random_vector/[10]/files')" = vec.npy ]
}

@test "recursion ends with one worker" {
    dj session default workers=1
    cat > factorial.py <<'PYTHON'
import djfs as dj

@dj.task()
def factorial(n):
    print(f"Calculating factorial of {n}")
    if n == 0:
        return 1
    return dj.tasks.factorial(n-1).get()*n

if __name__ == "__main__":
    dj.setup()
    print(dj.tasks.factorial(5).get())
PYTHON
    py factorial.py
    said out 120
    said err "Calculating factorial of "{5,4,3,2,1,0}
    py factorial.py
    said out 120
    [ ! -s err ]
    [ "$(dj log factorial/5)" = "Calculating factorial of 5" ]
    [ "$(dj ls tasks/factorial/5/deps)" = factorial,4 ]
}

@test "a sweep by a frame, and the same without saying so: nothing is computed twice" {
    cat > sweep.py <<'PYTHON'
import djfs as dj

@dj.task()
def factorial(n):
    print(f"Calculating factorial of {n}")
    if n == 0:
        return 1
    return dj.tasks.factorial(n-1).get()*n

if __name__ == "__main__":
    dj.setup()
    sweep = dj.Frame()
    sweep["n"] = dj.Vary(range(10))
    print(list(sweep) == [{"n": n} for n in range(10)])
    results = sweep.map(dj.tasks.factorial).get()
    print(list(results))
    results = dj.tasks.factorial(dj.Vary(range(10))).get()
    print(list(results))
PYTHON
    local results="[1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880]"
    py sweep.py
    said out True "$results" "$results"
    said <(sort err) "Calculating factorial of "{0,1,2,3,4,5,6,7,8,9}
    py sweep.py
    said out True "$results" "$results"
    [ ! -s err ]
}

@test "frames of the tutorial's end, with a Vary of ranges" {
    cat > frames.py <<'PYTHON'
import djfs as dj

@dj.task()
def mult(a, b):
    return a * b

if __name__ == "__main__":
    dj.setup()
    f = dj.Frame()
    f["b"] = 1
    f["a"] = dj.Vary(range(5))
    f.where([a % 2 == 0 for a in f["a"]])["b"] = dj.Vary([1,2])
    print([(p["a"], p["b"]) for p in f])
    f = dj.Frame.make(a=dj.Vary(range(5)), b = 1)
    even = f.where(f["a"].map(lambda x: x % 2 == 0))
    even["b"] = dj.Vary(even["a"].map(range))
    print([(p["a"], p["b"]) for p in f])
    results = dj.tasks.mult(f["a"], dj.tasks.mult(f["a"], f["b"]).get()).get()
    print(list(results))
PYTHON
    for _ in first second; do
        py frames.py
        said out "[(0, 1), (0, 2), (1, 1), (2, 1), (2, 2), (3, 1), (4, 1), (4, 2)]" \
            "[(1, 1), (2, 0), (2, 1), (3, 1), (4, 0), (4, 1), (4, 2), (4, 3)]" \
            "[1, 0, 4, 9, 0, 16, 32, 48]"
    done
}

@test "the whole: launches, sessions, backups" {
    cat > whole.py <<'PYTHON'
import djfs as dj
import numpy as np

@dj.task(verbose = dj.Ignore)
def increment(n, verbose=True):
    if verbose:
        print(f"Incrementing {n}")
    return n + 1

@dj.task()
def random_vector(shape):
    vec = np.random.rand(*shape)
    with dj.open("vec.npy", "wb+") as f:
        np.save(f, vec)

@dj.task()
def factorial(n):
    print(f"Calculating factorial of {n}")
    if n == 0:
        return 1
    return dj.tasks.factorial(n-1).get()*n

@dj.task()
def mult(a, b):
    return a * b

if __name__ == "__main__":
    dj.setup(max_workers=2)
    dj.backup()
    print(dj.tasks.increment(5, force=True, launch=dj.NewProcess(), session=dj.Attach()).get())
    dj.backup()
    print(dj.tasks.increment(5, force=True, launch=dj.NewProcess(), session=dj.NewSession(1)).get())
    with dj.tasks.random_vector((10,)).open("vec.npy", "rb") as f:
        print(np.load(f).shape)
    print(dj.tasks.factorial(5).get())
    sweep = dj.Frame()
    sweep["n"] = dj.Vary(list(range(7)) + list(range(7)))
    results = sweep.map(dj.tasks.factorial).get()
    print(list(results))
    results = dj.tasks.factorial(dj.Vary(range(4))).get()
    print(list(results))
    results = dj.tasks.mult(results, dj.Vary(list(results))).get()
    print(list(results))
    dj.backup()
PYTHON
    local sevens="1, 1, 2, 6, 24, 120, 720"
    py whole.py
    said out 6 6 "(10,)" 120 "[$sevens, $sevens]" "[1, 1, 2, 6]" \
        "[1, 1, 2, 6, 1, 1, 2, 6, 2, 2, 4, 12, 6, 6, 12, 36]"
    said err "Incrementing 5" "Incrementing 5" "Calculating factorial of "{5,4,3,2,1,0,6}
    [ "$(dj cat tasks/increment/5/meta | jq -r .launch)" = process ]
    [ "$(dj cat sessions/default/max_workers)" = 2 ]
    [ "$(find dj_backups -type f | wc -l)" -ge 10 ]
    py whole.py
    said out 6 6 "(10,)" 120 "[$sevens, $sevens]" "[1, 1, 2, 6]" \
        "[1, 1, 2, 6, 1, 1, 2, 6, 2, 2, 4, 12, 6, 6, 12, 36]"
    said err "Incrementing 5" "Incrementing 5" # these are forced
}

@test "workers and resources of the session, reserved inside a run" {
    cat > reserve.py <<'PYTHON'
import djfs as dj

@dj.task()
def heavy(n):
    dj.reserve_resources(ram=1.5)
    return n

@dj.task()
def held(n):
    with dj.reserve(ram=4, bandwidth=1):
        pass
    dj.reserve(ram=3)
    dj.release()
    return n

@dj.task()
def greedy():
    dj.reserve(ram=1000)

if __name__ == "__main__":
    dj.setup(max_workers=10, ram=128, bandwidth=10)
    print(list(dj.tasks.heavy(dj.Vary(range(5))).get()))
    print(held(1).get())
    try:
        greedy().get()
    except dj.Failed as error:
        print(error.sentence)
    try:
        dj.reserve(ram=1)
    except dj.Error as error:
        print(error.sentence)
PYTHON
    for _ in first second; do
        py reserve.py
        said <(head -n 2 out) "[0, 1, 2, 3, 4]" 1
        sed -n 3p out | grep -q "greedy/_ failed with exit code 1: .*ram"
        [ "$(wc -l < out)" -eq 4 ]
    done
    [ "$(dj cat sessions/default/max_workers)" = 10 ]
    dj cat sessions/default/status | grep -q "ram 0 of 128"
    [[ $(dj cat tasks/heavy/3/meta | jq -c .resources) = *1.5* ]]
}
