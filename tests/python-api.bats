# djfs.py beyond the tutorial: values, results, failures, calls in flight, threads, forks, daemons
# that go.

load helper/djfs
load helper/python

setup()
{
    python_setup
    start_daemon --no-mount --workers 3
}

teardown()
{
    dj_teardown
}

@test "frames: the rules, without a daemon" {
    stop_daemon
    py "$BATS_TEST_DIRNAME/tools/python-frames.py"
    said out ok
}

@test "each value has a key of its own, and comes back as it was" {
    cat > values.py <<'PYTHON'
import enum
import djfs as dj
import numpy as np

class Colour(str, enum.Enum):
    RED = "red"

@dj.task
def echo(x):
    print("computing")
    return [type(x).__name__, x]

if __name__ == "__main__":
    values = [1, 1.0, True, "1", None, [], {}, {"a": 1}, {"a": 1, "b": [2]}, -0.0, 0.0, 0, False, "",
              2**62, 1e300, "\u00fc/=,@{}%\n", [[1], [1.0]], {"b": {"a": "x"}}]
    for value in values:
        kind, got = echo(value).get()
        assert (kind, repr(got)) == (type(value).__name__, repr(value)), (kind, got, value)
    assert len({echo(value).path for value in values}) == len(values)
    # Spellings of one value: they share a run.
    for one, other in (((10, 2), [10, 2]), (np.int64(1), 1), (np.float64(1.5), 1.5),
                       (np.bool_(True), True), ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
                       (Colour.RED, "red"), ([Colour.RED], ["red"]), (np.str_("red"), "red")):
        assert echo(one).path == echo(other).path
        assert echo(one).get() == echo(other).get()
    print("ok")
PYTHON
    py values.py
    said out ok
    py values.py
    said out ok
    [ ! -s err ]
}

@test "what is no value, and what no parameter takes" {
    cat > wrong.py <<'PYTHON'
import dataclasses, enum, pathlib
import djfs as dj
import numpy as np

class Plain(enum.Enum):
    A = 1

@dataclasses.dataclass
class Point:
    x: int

@dj.task
def echo(x):
    return x

@dj.task
def mine(self, task=1):
    return [self, task]

@dj.task
def typed(i: int, f: float = 2.5, b: bool = False, s: str = "a=b c"):
    return [i, repr(f), b, s]

def refuse(*args, **kwargs):
    try:
        task, *args = args
        print("not refused:", task(*args, **kwargs).get())
    except dj.BadArgument as error:
        print(error)

if __name__ == "__main__":
    endless = []
    endless.append(endless)
    for value in (float("nan"), {1: 2}, {1}, b"x", np.zeros(2), [object()], echo(1), endless,
                  range(3), Plain.A, Point(1), pathlib.Path("x"), dj.Frame().map):
        refuse(echo, value)
    print(mine(self=2).get(), mine.with_dependencies(self=dj.Ignore)(self=3, task=5).get())
    refuse(typed, 1.0)
    refuse(typed, True)
    refuse(typed, "1")
    refuse(typed, 1, True)
    refuse(typed, 1, b=1)
    refuse(typed, 1, s=1)
    refuse(typed, 1, s="\udcff")
    refuse(typed)
    refuse(typed, 1, 2, False, "", 5)
    refuse(typed, 1, z=3)
    print(typed(np.int64(3), 1).get(), typed(10**40, f=float("inf"), s="x\n{y}").get())
    print(typed(1).path == typed(i=1).path == typed(1, 2.5, False).path)
PYTHON
    py wrong.py
    said out "echo: x is nan, which JSON has not: give None or a text for it" \
        "echo: x has the key 1, and those of JSON are texts" \
        "echo: x is no JSON but of type set: give a sorted list" \
        "echo: x is no JSON but of type bytes: give a text or a file" \
        "echo: x is no JSON but of type ndarray: give its tolist(), or a file by dj.open()" \
        "echo: x[0] is no JSON but of type object: give numbers, texts, lists and dictionaries of them, or a file" \
        "echo: x is a run: give what its get() gives" "echo: x is nested too deeply, or inside of itself" \
        "echo: x is no JSON but of type range: give a list of it" \
        "echo: x is no JSON but of type Plain: give its value" \
        "echo: x is no JSON but of type Point: give its dataclasses.asdict()" \
        "echo: x is no JSON but of type PosixPath: give its str()" \
        "echo: x is no JSON but of type method: give numbers, texts, lists and dictionaries of them, or a file" \
        "[2, 1] [3, 5]" \
        "typed: i is 1.0, and no int" "typed: i is True, and no int" "typed: i is '1', and no int" \
        "typed: f is True, and no float" "typed: b is 1, and no bool" "typed: s is 1, and no str" \
        "typed: s is '\\udcff', which is not UTF-8, as a function gets it" \
        "typed: missing a required argument: 'i'" "typed: too many positional arguments" \
        "typed: got an unexpected keyword argument 'z'" \
        "[3, '1.0', False, 'a=b c'] [10000000000000000000000000000000000000000, 'inf', False, 'x\\n{y}']" True
}

@test "results: JSON or bytes, small and large, and what is neither" {
    cat > results.py <<'PYTHON'
import djfs as dj
import numpy as np

@dj.task
def raw(n):
    return b"\x00\xff" * n

@dj.task
def announced() -> bytes:
    return b"5\n"

@dj.task
def ambiguous():
    return b"5\n"

@dj.task
def text():
    return "h\u00e9llo\n"

@dj.task
def scalars():
    return {"a": np.int64(3), "b": np.float32(0.5), "c": np.bool_(True), "t": (1, 2)}

@dj.task
def nothing():
    print("side effects only")

@dj.task
def wrong(which):
    return [{1, 2}, np.zeros(3), {1: 2}, float("nan"), (x for x in [])][which]

@dj.task(result="file:out.txt")
def filed():
    with dj.open("out.txt", "w") as file:
        file.write("as a file\n")

if __name__ == "__main__":
    dj.show_logs = False
    print(raw(2).get(), announced().get(), repr(text().get()), scalars().get(), nothing().get())
    print(filed().get(), text().bytes())
    for n in (300_000, 2_000_000):
        assert raw(n).get() == b"\x00\xff" * n
    assert len(raw(40_000_000).get()) == 80_000_000
    for which in range(5):
        try:
            wrong(which).get()
        except dj.Failed as error:
            print(error.sentence.partition(": ")[2])
    try:
        ambiguous().get()
    except dj.Failed as error:
        print(error.sentence.partition(": ")[2])
PYTHON
    py results.py
    said out "b'\\x00\\xff\\x00\\xff' b'5\\n' 'héllo\\n' {'a': 3, 'b': 0.5, 'c': True, 't': [1, 2]} None" \
        "b'as a file\\n' b'\"h\\xc3\\xa9llo\\\\n\"\\n'" \
        "the result is no JSON but of type set: give a sorted list" \
        "the result is no JSON but of type ndarray: give its tolist(), or a file by dj.open()" \
        "the result has the key 1, and those of JSON are texts" \
        "the result is nan, which JSON has not: give None or a text for it" \
        "the result is no JSON but of type generator: give a list of it" \
        "the result is bytes that would be read as JSON: say \`-> bytes\` behind the parameters of the function"
    [ "$(get text)" = '"héllo\n"' ]
}

@test "a failure has its traceback, in the log and at the caller; so has one that is called" {
    cat > fails.py <<'PYTHON'
import sys
import djfs as dj

@dj.task
def boom(n):
    print("before")
    raise ValueError(f"no {n}\nsecond line")

@dj.task
def outer(n):
    return boom(n).get()

@dj.task
def exits(code):
    sys.exit(code)

@dj.task(timeout=0.5, retries=0)
def slow():
    import time
    time.sleep(60)

if __name__ == "__main__":
    dj.show_logs = False
    try:
        boom(1).get()
    except dj.Failed as error:
        print(error)
        assert isinstance(error, dj.Error) and error.errno == 5 and error.run["n"] == 1
        assert "raise ValueError" in error.log
    for run in (outer(1), exits(0), exits(3), slow()):
        try:
            run.get()
        except dj.Failed as error:
            print(error.sentence)
    print(boom(1).join().status)
PYTHON
    py fails.py
    said out "boom/1 failed with exit code 1: ValueError: no 1" before \
        "Traceback (most recent call last):" \
        "  File \"$DJ_TMP/fails.py\", line 7, in boom" \
        "    raise ValueError(f\"no {n}\\nsecond line\")" \
        "ValueError: no 1" "second line" \
        "outer/1 failed with exit code 1: Failed: boom/1 failed with exit code 1: ValueError: no 1" \
        "exits/0 failed with exit code 1: it called sys.exit(0)" \
        "exits/3 failed with exit code 1: it called sys.exit(3)" \
        "slow/_ took longer than its timeout of 500ms" failed
    dj log outer/1 | grep -q "in outer"
    dj log boom/1 | grep -q "ValueError: no 1"
}

@test "keywords of a call" {
    cat > call.py <<'PYTHON'
import os, time
import djfs as dj

@dj.task
def f(n, seed=1, verbose=False):
    return [n, seed, os.getppid()]

@dj.task
def sleeps(n):
    time.sleep(60)

def refused(function, *args):
    try:
        function(*args)
    except dj.Error as error:
        return f"{type(error).__name__}: {error.sentence}"

if __name__ == "__main__":
    print(refused(f(1, cached=True).get))
    first = f(1).get()
    print(f(1, cached=True).get() == first, f(1, seed=2, ignore="seed").get() == first)
    print(f(1, seed=3, verbose=True, keep=["n"]).get() == first)
    print(f.with_dependencies(seed=dj.Ignore)(1, seed=9).get() == first)
    print(f(1, seed=9).get() == first)
    print(f(1, launch="process", force=True).get()[:2], f(1).text("meta").count('"process"'))
    print(f(4, launch=dj.Command("sh -c 'exec COMMAND'")).get()[:2], "exec COMMAND" in f(4).text("meta"))
    print(f(2, session="new,workers=1").get()[:2], f(3, session=dj.NewSession(2, ram=4)).get()[:2])
    print(refused(f, 1, 2, 3, 4), "|", refused(sleeps(1, timeout=0.3).get))
    sleeps(1).cancel()
    run = sleeps(2)
    print(refused(run.get, 0.2), "|", run.over)
    run.cancel()
    print(refused(run.get))
    print(refused(lambda: f(9, launch="nowhere").get()))
PYTHON
    py call.py
    sed -n 1p out | grep -qx "NotCached: not computed yet"
    said <(sed -n '2,8p' out) "True True" True True False "[1, 1] 1" "[4, 1] True" "[2, 1] [3, 1]"
    sed -n 9p out | grep -qx "BadArgument: f: too many positional arguments | Timeout: the time is over.*"
    sed -n 10p out | grep -qx "Timeout: <djfs run sleeps(n=2)> has not ended after 0.2 s | False"
    sed -n 11p out | grep -q "^Failed: sleeps/2 was cancelled"
    sed -n 12p out | grep -qx "NoTask: f: there is no launch nowhere: .*"
}

@test "files of a run: any mode inside, folders are made, nowhere else; read only outside" {
    cat > files.py <<'PYTHON'
import os
import djfs as dj

@dj.task
def writes(n):
    for mode, name in (("w", "a.txt"), ("x", "deep/er/b.txt"), ("a", "a.txt"), ("w+b", "c.bin")):
        with dj.open(name, mode) as file:
            file.write(b"\x00\xff" if "b" in mode else f"{mode} {n}\n")
    with dj.open("a.txt") as file:
        assert file.read() == f"w {n}\na {n}\n"
    with dj.open(os.getcwd() + "/abs.txt", "w") as file:
        file.write("x")
    os.chdir("deep")
    with dj.open("top.txt", "w") as file:
        file.write("y")
    for name in ("../up.txt", "/tmp/never.txt", "deep/../../up.txt"):
        try:
            dj.open(name, "w")
            print("not refused", name)
        except dj.Error as error:
            print(error)
    return dj.run_id()

def refused(function, *args):
    try:
        function(*args)
    except Exception as error:
        return f"{type(error).__name__}: {error}"

if __name__ == "__main__":
    run = writes(1)
    print(run.get(), run.files())
    with run.open("a.txt") as file:
        print(file.read().split())
    with run.open("deep/er/b.txt", encoding="utf-8") as file:
        print(next(file))
    print(run.open("c.bin", "rb").read(), run.open("./deep/../a.txt", "rb").seek(2))
    print(refused(run.open, "missing", "rb"))
    for mode in ("w", "a", "r+", "xb"):
        print(refused(run.open, "a.txt", mode))
    print(refused(run.open, "../result"))
    print(refused(writes(2, incognito=True).open, "a.txt"))
    print(list(writes(dj.Vary([1, 3])).load("a.txt", "r", lambda file, n: file.read()[:n], 3)))
    with dj.open("plain.txt", "w") as file:
        file.write("outside")
    print(os.path.exists("plain.txt"), dj.run_id())
PYTHON
    py files.py
    said out "tasks/writes/1 ['a.txt', 'abs.txt', 'c.bin', 'deep/er/b.txt', 'top.txt']" \
        "['w', '1', 'a', '1']" "x 1" "" "b'\\x00\\xff' 2" \
        "FileNotFoundError: [Errno 2] the run left no such file: 'missing'" \
        "Error: "{"'w'","'a'","'r+'","'xb'"}": only reading is allowed: a run that has ended never changes" \
        "Error: ../result: a file of a run is named from its working directory" \
        "Error: an incognito run keeps no files" "['w 1', 'w 3']" "True None"
    [ "$(dj log writes/1 | grep -c "a run's files are in its working directory")" -eq 3 ]
}

@test "files and runs as arguments" {
    cat > inputs.py <<'PYTHON'
import djfs as dj

@dj.task
def words(text: dj.File):
    with open(text) as file:
        return len(file.read().split())

@dj.task
def total(texts: list[dj.File], extra: float = 0):
    return sum(words(text).get() for text in texts) + extra

if __name__ == "__main__":
    print(words("a.txt").get(), total(["a.txt", "b.txt"]).get(), total([]).get())
PYTHON
    echo "one two" > a.txt
    echo "three" > b.txt
    py inputs.py
    said out "2 3.0 0.0"
    echo "one two three" > a.txt
    py inputs.py
    said out "3 4.0 0.0"
    [ "$(get words b.txt)" = 1 ]
}

@test "runs as arguments: the function gets a run, too" {
    cat > runs.py <<'PYTHON'
import djfs as dj

@dj.task
def leaf(n) -> bytes:
    with dj.open("side.txt", "w") as file:
        file.write(f"side {n}")
    return b"%d\n" % (n * 2)

@dj.task
def takes(run: dj.Run, factor=1):
    return [run.get().decode(), run.open("side.txt").read(), run.path, factor]

@dj.task
def several(runs: list[dj.Run]):
    return [int(run.get()) for run in runs]

if __name__ == "__main__":
    print(takes(leaf(9)).get(), takes("leaf/9", 2).get(), several([leaf(1), leaf(2)]).get())
    print(takes(leaf(9)).path == takes("tasks/leaf/9").path, takes(leaf(9)).why, several([]).get())
    print([row[0] for row in takes(dj.Vary([leaf(3), leaf(4)])).get()],
          takes(leaf(5), launch="process").get())
    for wrong in (5, "leaf", "nowhere/5"):
        try:
            print("not refused", takes(wrong).get())
        except dj.Error as error:
            print(error)
PYTHON
    py runs.py
    said out "['18\\n', 'side 9', 'tasks/leaf/9', 1] ['18\\n', 'side 9', 'tasks/leaf/9', 2] [2, 4]" \
        "True hit []" "['6\\n', '8\\n'] ['10\\n', 'side 5', 'tasks/leaf/5', 1]" \
        "takes: run is 5, and no run" "takes: run: a run is written TASK/NAME" \
        "takes: run: nowhere/5 names a run of an unknown task"
    [ "$(get takes leaf/9 2)" = '["18\n", "side 9", "tasks/leaf/9", 2]' ]
    [ "$(dj ls "$(dj path takes leaf/9 2)/deps")" = leaf,9 ]
    [ "$(get several leaf/1 leaf/2)" = "[2, 4]" ]
}

@test "tasks of others by their names, and paths of runs" {
    dj define twice n:int word=x -- sh -c 'echo $(($1 * 2))' sh '{n}'
    dj define add n:int -- sh -c 'echo $(($1 + 1))' sh '{n}'
    dj define say word -- echo '{word}'
    cat > others.py <<'PYTHON'
import djfs as dj

@dj.task
def asks(n):
    return dj.get("twice", n) + dj.tasks.twice(n=n + 1, word="y").get()

if __name__ == "__main__":
    print(dj.get("twice", 4), dj.tasks.twice(5).get(), dj.get("say", "hello"), dj.get("say", "7"))
    print(dj.get("tasks/twice/n=4,word=x"), dj.get("say/hello"), dj.get(asks, 1), asks(1).get())
    for wrong in (lambda: dj.get("nowhere", 1), lambda: dj.tasks.nowhere, lambda: dj.get("twice"),
                  lambda: dj.get("twice", "4"), lambda: dj.get("twice", 1, 2, 3), lambda: dj.get("twice", 1, n=2)):
        try:
            wrong()
            print("not refused")
        except Exception as error:
            print(type(error).__name__, "|", error)
    print("asks" in dir(dj.tasks))
    try:
        dj.tasks.add(7)
    except dj.BadArgument as error:
        print(error)
    print(dj.tasks["add"](7).get())
PYTHON
    py others.py
    said out "8 10 b'hello\\n' 7" "8 b'hello\\n' 6 6" \
        "NoTask | there is no task nowhere" "AttributeError | there is no task nowhere" \
        "Error | twice: n:int is not given and has no default" "BadArgument | twice: n is '4', and no int" \
        "BadArgument | twice: it has 2 parameters, not 3" \
        "BadArgument | twice: n is no parameter, or is given twice" True \
        "tasks.add marks functions; a task that is called add is tasks['add']" 8
    [ "$(dj ls tasks/asks/1/deps | wc -l)" -eq 2 ]
}

@test "hundreds in flight, in order; threads share the connection; a fork has its own" {
    cat > many.py <<'PYTHON'
import os, threading
import djfs as dj

@dj.task
def square(n: int):
    return n * n

if __name__ == "__main__":
    print(list(square(dj.Vary(range(600))).get()) == [n * n for n in range(600)])
    runs, got = [square(1000 + n) for n in range(60)], [None] * 60
    def work(k):
        for i in range(k, 60, 6):
            got[i] = runs[i].get() + square(i).get() - square(i, force=i % 7 == 0).get()
    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(got == [(1000 + n) ** 2 for n in range(60)])
    under_way = square(5000)
    child = os.fork()
    if child == 0:
        os._exit(0 if (square(7).get(), under_way.get(), square(2001).get()) == (49, 25000000, 2001**2) else 1)
    print(os.waitpid(child, 0)[1], under_way.get(), square(8).get())
PYTHON
    py many.py
    said out True True "0 25000000 64" || { cat err; return 1; }
}

@test "a program that is interrupted wherever it is can go on" {
    cat > interrupted.py <<'PYTHON'
import random, signal, time
import djfs as dj

@dj.task
def square(n: int):
    return n * n

class Interrupted(Exception):
    pass

def interrupt(*_):
    raise Interrupted

if __name__ == "__main__":
    signal.signal(signal.SIGALRM, interrupt)
    random.seed(1)
    square(0).get()
    interrupted = n = 0
    while interrupted < 300:
        n += 1
        try:
            signal.setitimer(signal.ITIMER_REAL, random.random() * 0.002)
            try:
                got = square(n).get(timeout=20)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert got == n * n
        except Interrupted:
            interrupted += 1
    print(list(square(dj.Vary(range(300))).get()) == [n * n for n in range(300)])
PYTHON
    py interrupted.py
    said out True
}

@test "locks, progress, and a daemon that is started, killed, started again" {
    cat > around.py <<'PYTHON'
import os, subprocess, sys, time
import djfs as dj

@dj.task
def counts(n):
    dj.progress(n, 10)
    with dj.lock("table"):
        with open(os.environ["HOME"] + "/table", "a") as file:
            file.write("in\n")
            file.flush()
            time.sleep(0.05)
            file.write("out\n")
    return n

@dj.task
def waits(n):
    while not os.path.exists(os.environ["HOME"] + "/go"):
        time.sleep(0.02)
    return n

if __name__ == "__main__":
    print(list(counts(dj.Vary(range(4))).get()))
    with dj.lock("other"):
        try:
            dj.lock("other", now=True).acquire()
        except dj.Error as error:
            print(error.errno == 16, error.sentence)
    with dj.lock("other", shared=True), dj.lock("other", shared=True, now=True):
        print("shared")
    try:
        dj.lock("no name!").acquire()
    except dj.Error as error:
        print(error.sentence)
    run = waits(1)
    print(run.text("status") in ("queued", "running"), flush=True)
    subprocess.run(["sh", "-c", sys.argv[1]], check=True)
    open(os.environ["HOME"] + "/go", "w").close()
    print(run.get(), counts(1).get(), waits(2).get())
PYTHON
    py around.py "kill -KILL $(our_pids djd) && while dj ls 2> /dev/null; do :; done; dj up --no-mount --store $DJ_STORE > up.log"
    said <(sed 's/^True .*/True/' out) "[0, 1, 2, 3]" True shared \
        'lock: "no name!" is not the name of a lock: letters, digits and . _ - + : @ / behind a letter or digit' True "1 1 2" ||
        [ "$(wc -l < out)" -eq 6 ]
    said home/table in out in out in out in out
}

@test "what of a dictionary counts: names, what is ignored, and as another task has it" {
    cat > parts.py << 'PYTHON'
import djfs as dj

@dj.task(config=dj.Depend("a", "b"))
def inner(config):
    print("inner")
    return config["a"] * config["b"]

@dj.task(config=dj.Depend("c", replicate=[inner]))
def outer(config):
    print("outer")
    return config["c"] + inner(config).get()

@dj.task(config=dj.Depend(verbose=dj.Ignore))
def most(config):
    return sorted(config)

if __name__ == "__main__":
    config = {"a": 2, "b": 3, "c": 4, "d": 0, "verbose": 1}
    key = lambda task, config: task(config).text("key")
    first = [outer(config).get(), key(outer, config), key(inner, config), key(most, config)]
    assert most(config).get() == sorted(config)
    for name, changes in [("d", ""), ("verbose", ""), ("a", "oi"), ("b", "oi"), ("c", "o")]:
        other = dict(config, **{name: 9})
        print(name, outer(other).get(), key(outer, other) != first[1], key(inner, other) != first[2],
              key(most, other) != first[3])
    print(first[0])
PYTHON
    py parts.py
    said out "d 10 False False True" "verbose 10 False False False" "a 31 True True True" "b 22 True True True" \
        "c 15 True False True" 10
}
