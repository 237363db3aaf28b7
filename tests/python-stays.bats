# The interpreter that stays: what a run does to its process is no other run's business, what it
# imports is the file as it is now, and a function that ends its process, forks or closes things
# fails alone.

load helper/djfs
load helper/python

setup_file()
{
    python_setup beside
    start_daemon --no-mount --workers 2
}

teardown_file()
{
    dj_teardown
}

setup()
{
    cd "$(mktemp -d "$DJ_TMP/t.XXXXXX")" || return
}

# refused TASK SENTENCE: its run fails, and this is what is said.
refused()
{
    exits 1 get "$1" 2> err > out || { cat out err; return 1; } >&2
    said err "dj: $2"
}

# exits N CMD…
exits()
{
    local status=0

    "${@:2}" || status=$?
    [ "$status" -eq "$1" ] || { echo "exit $status: ${*:2}"; return 1; } >&2
}

@test "an edited module that the file imports is imported anew, whatever asks for it" {
    mkdir pack
    touch pack/__init__.py
    echo 'def value(): return 1' > helper.py
    echo 'def value(): return 1' > pack/late.py
    cat > edits.py <<'PYTHON'
import os
import djfs as dj
import helper

@dj.task
def edits(n):
    from pack import late
    return [helper.value(), late.value()]

@dj.task(track=["helper.py"])
def tracks(n):
    return helper.value()

@dj.task
def pid(n):
    return os.getpid()
PYTHON
    dj define edits.py
    [ "$(get edits 1)" = "[1, 1]" ]
    [ "$(get tracks 1)" = 1 ]
    get pid 1 > pid
    echo 'def value(): return 20' > helper.py
    [ "$(get tracks 1)" = 20 ]
    [ "$(get edits 1)" = "[1, 1]" ]
    dj bump edits
    [ "$(get edits 1)" = "[20, 1]" ]
    echo 'def value(): return 30' > pack/late.py
    [ "$(get --force edits 1)" = "[20, 30]" ]
    [ "$(get edits 2)" = "[20, 30]" ]
    [ "$(get pid 2)" = "$(cat pid)" ] # in place: there is nothing to start
    # What is edited while it is imported counts, too.
    cat > helper.py <<'PYTHON'
import os
def value(): return 40
if not os.path.exists(__file__ + ".again"):
    open(__file__ + ".again", "w").close()
    with open(__file__, "a") as file:
        file.write("def value(): return 41\n")
PYTHON
    [ "$(get edits 3)" = "[40, 30]" ]
    [ "$(get edits 4)" = "[41, 30]" ]
}

@test "the environment, the folder and the standard streams are those of each run" {
    cat > leaks.py <<'PYTHON'
import ctypes, os, sys
import djfs as dj

os.environ["AT_TOP"] = "kept"

@dj.task
def sets(how: str):
    os.environ["LEAK"] = "leaked"
    os.environ.pop("HOME")
    os.chdir("/")
    if how == "clear":
        os.environ.clear()
    if how == "replace":
        sys.stdout, sys.stderr = open(os.devnull, "w"), None
    if how == "close":
        sys.stdout.close()
        sys.stderr.close()
    if how == "descriptors":
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.close(2)
    return how

@dj.task
def shows(n):
    print("printed", end="")
    sys.stdout.flush()
    print(" and said", file=sys.stderr)
    os.system("echo by a program; echo and said by it >&2")
    ctypes.CDLL(None).printf(b"by C\n")
    return [os.environ.get(x) for x in ("LEAK", "AT_TOP")] + ["HOME" in os.environ, os.listdir()]

@dj.task(env=["ASKED"])
def asked(n):
    return os.environ.get("ASKED")

@dj.task(env={"GIVEN": "x"})
def given(n):
    return [os.environ.get(x) for x in ("GIVEN", "ASKED")]

@dj.task
def input_is_empty():
    return [sys.stdin.read(), os.read(0, 1).decode(), os.getpid() > 0]
PYTHON
    dj define leaks.py
    local how n=0
    for how in set clear replace close descriptors; do
        n=$((n + 1))
        [ "$(get sets "$how")" = "\"$how\"" ]
        [ "$(get shows $n)" = '[null, "kept", true, []]' ]
        said <(dj log shows/$n) "printed and said" "by a program" "and said by it" "by C"
    done
    [ "$(ASKED=7 get asked 1)" = '"7"' ]
    [ "$(ASKED=8 get asked 1)" = '"8"' ]
    [ "$(get asked 1)" = null ]
    [ "$(ASKED=9 get given 1)" = '["x", null]' ]
    [ "$(get input_is_empty)" = '["", "", true]' ]
}

@test "files that a function opened by dj.open() are closed behind it, and never change later" {
    cat > keeps.py <<'PYTHON'
import os
import djfs as dj

kept = []

@dj.task
def keeps(how: str):
    for name, size in (("large", 3 << 20), ("small", 10)):
        kept.append(dj.open(name, "w"))
        kept[-1].write("a" * size + "end")
    if os.fork() == 0:
        return "what it has not written yet is its parent's to write"
    os.wait()
    if how == "full":
        os.dup2(os.open("/dev/full", os.O_WRONLY), kept[-1].fileno())

@dj.task
def others(n):
    kept.append(open("large", "w"))
    kept[-1].write("a" * (3 << 20))
    kept[-1].flush()

@dj.task
def writes():
    kept[-1].write("later")
    kept[-1].flush()

@dj.task
def closed():
    return [file.closed for file in kept]
PYTHON
    dj define keeps.py
    [ "$(get keeps well)" = null ]
    [ "$(get closed)" = "[true, true]" ]
    [ "$(dj cat tasks/keeps/well/files/large | wc -c)" -eq $(((3 << 20) + 3)) ]
    [ "$(dj cat tasks/keeps/well/files/small)" = aaaaaaaaaaend ]
    # One of open() is its own: what is stored is as it was when the run ended, all the same.
    get others 1
    get writes
    [ "$(dj cat tasks/others/1/files/large | wc -c)" -eq $((3 << 20)) ]
    dj fsck --read-data
    exits 1 get keeps full 2> err
    said err "dj: keeps/full failed with exit code 1: OSError: [Errno 28] No space left on device"
}

@test "what a thread still writes when its function has ended is stored as a whole, or not" {
    cat > restless.py <<'PYTHON'
import threading, time
import djfs as dj

def keep_writing(file, n, seconds):
    end, i = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        file.seek(i * 4099 % (3 << 20))
        file.write(b"%d %d" % (n, i))
        i += 1
    file.close()

@dj.task
def restless(seconds: float, n: int, mib: int = 3):
    file = open("large", "wb", buffering=0)
    file.write(b"%d" % n * (mib << 20))
    threading.Thread(target=keep_writing, args=(file, n, seconds), daemon=True).start()
PYTHON
    dj define restless.py
    for n in 1 2 3 4; do
        get restless 0.05 $n || true
    done > /dev/null 2>&1
    for n in 5 6 7 8 9; do # where the thread gets no time meanwhile, it is stored as a whole
        get restless 100 $n 60 > /dev/null 2> err || break
    done
    grep -q "/large is still being written to" err || { cat err; return 1; } >&2
    dj fsck --read-data
}

@test "a child that a function forks is not taken for the interpreter" {
    cat > forks.py <<'PYTHON'
import multiprocessing, os, sys
import djfs as dj

@dj.task
def forks(how: str):
    child = os.fork()
    if child == 0:
        if how == "raise":
            raise ValueError("in the child")
        if how == "exit":
            sys.exit(7)
        return "the child"
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

@dj.task(launch="process")
def alone(n):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return n

def square(n):
    return n * n

@dj.task
def inner(n):
    return n + 1

def calls(n):
    return inner(n).get()

@dj.task
def pools(kind: str):
    with multiprocessing.get_context(kind).Pool(2) as pool:
        return pool.map(square, range(3)) + pool.map(calls, range(3))

@dj.task
def plain(n):
    return n
PYTHON
    dj define forks.py
    [ "$(get forks return)" = 0 ]
    [ "$(get forks exit)" = 7 ]
    [ "$(get plain 1)" = 1 ]
    [ "$(get forks raise)" = 1 ]
    dj log forks/raise | grep -q "ValueError: in the child"
    # These load libdj into Python.
    beside_sanitizer || [ "$(get pools fork)" = "[0, 1, 4, 1, 2, 3]" ]
    beside_sanitizer || [ "$(get pools spawn)" = "[0, 1, 4, 1, 2, 3]" ]
    [ "$(get plain 2)" = 2 ]
    beside_sanitizer || [ "$(get alone 3)" = 3 ]
}

@test "one that ends its interpreter, or cannot say why it fails, is a failure with a sentence" {
    cat > ends.py <<'PYTHON'
import os, sys
import djfs as dj

class Odd(Exception):
    def __str__(self):
        raise RuntimeError("no")

@dj.task
def ends(how: str):
    if how == "abort":
        os.abort()
    if how == "_exit":
        os._exit(0)
    if how == "surrogate":
        raise ValueError("\udcff")
    if how == "nul":
        raise ValueError("a\0b")
    if how == "odd":
        raise Odd()
    if how == "interrupt":
        raise KeyboardInterrupt
    return how

@dj.task
def raw():
    return b"a\0b\n"
PYTHON
    dj define ends.py
    for how in abort _exit surrogate nul odd interrupt; do
        exits 1 get ends $how 2>> err > out
        [ "$(get ends "after $how")" = "\"after $how\"" ]
    done
    said err "dj: ends/abort was ended by signal 6 (Aborted)" \
        "dj: ends/_exit failed with exit code 1: it ended without an answer" \
        "dj: ends/surrogate failed with exit code 1: ValueError: \\udcff" \
        "dj: ends/nul failed with exit code 1: ValueError: a\\0b" \
        "dj: ends/odd failed with exit code 1: Odd" \
        "dj: ends/interrupt failed with exit code 1: KeyboardInterrupt"
    dj log ends/odd | grep -q 'raise Odd()'
    get raw | cmp - <(printf 'a\0b\n')
}

@test "the file sees the words of a program without arguments" {
    cat > words.py <<'PYTHON'
import argparse, sys
import djfs as dj

parser = argparse.ArgumentParser()
parser.add_argument("count", nargs="?", default=3)
given = parser.parse_args()

@dj.task
def words():
    return [given.count, len(sys.argv), sys.argv[0][-8:]]
PYTHON
    dj define words.py
    [ "$(get words)" = '[3, 1, "words.py"]' ]
}

@test "a function behind a decorator of another file is one of its own file" {
    not_beside_sanitizer
    cat > wrappers.py <<'PYTHON'
import functools

def loud(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        print("calling", function.__name__)
        return function(*args, **kwargs)
    return wrapper
PYTHON
    cat > wrapped.py <<'PYTHON'
import djfs as dj
from wrappers import loud

@dj.task
@loud
def wrapped(n: int, by=2):
    return n * by

if __name__ == "__main__":
    print(wrapped(4).get(), wrapped.function(5))
PYTHON
    py wrapped.py
    said out "calling wrapped" "8 10"
    said err "calling wrapped"
    dj cat tasks/wrapped/.definition | grep -qx 'command = python3 -m djfs {here}/wrapped.py'
}

@test "two functions of a file for one task are refused, and one that has fewer parameters now" {
    cat > twice.py <<'PYTHON'
import djfs as dj
@dj.task
def same(n): return 1
@dj.task(name="same")
def other(n): return 2
PYTHON
    exits 2 dj define twice.py 2> err
    said err "dj: two functions of twice.py are the task same: name= gives another name"
    exits 1 python3 twice.py 2> err
    grep -q "djfs.Error: two functions of twice.py are the task same: name= gives another name" err
    sed -i '/name=/,$d' twice.py
    printf '@dj.task\ndef same(n): return 3\n' >> twice.py
    exits 2 dj define twice.py 2> err
    printf 'import djfs as dj\n@dj.task\ndef fewer(n, by=1): return n\n' > fewer.py
    dj define fewer.py
    printf 'import djfs as dj\n@dj.task\ndef fewer(n): return n\n' > fewer.py
    exits 1 get fewer 1 2> err
    said err "dj: fewer/n=1,by=1 failed with exit code 1: fewer.py: fewer has no parameter by now; define it again"
    dj define fewer.py
    [ "$(get fewer 1)" = 1 ]
}

@test "a call at the top whose end the file itself catches ends the import all the same" {
    cat > caught.py <<'PYTHON'
import djfs as dj

@dj.task
def caught(n): return n

try:
    a = caught(1).get()
except:
    a = 0
with open("behind", "w") as file:
    file.write("x")
PYTHON
    dj define caught.py
    [ ! -e behind ]
    [ "$(get caught 2)" = 2 ]
    [ -z "$(dj ls tasks/caught/2/files)" ]
}

@test "what is in no file is refused when it is called, and a cell of a notebook may be run again" {
    not_beside_sanitizer
    cat > cells.py <<'PYTHON'
import functools
import djfs as dj

cell = """
@dj.task
def in_a_cell(n):
    return n
"""

def refused(function, *args):
    try:
        print("not refused:", function(*args))
    except dj.Error as error:
        print(error)

for name in ("<stdin>", "/tmp/cell/1.py", "/tmp/cell/2.py"):
    exec(compile(cell, name, "exec"))
    refused(in_a_cell, 1)
for what in (lambda n: n, functools.partial(max, 1), len, 5, refused.__get__(1)):
    refused(dj.task, what)
PYTHON
    py cells.py
    said <(sed 's/(<built-in.*>, 1)/()/' out) \
        "in_a_cell: "{"<stdin>",/tmp/cell/1.py,/tmp/cell/2.py}" is no file: an interpreter that imports it needs one" \
        "<lambda> is not at the top of a file: the interpreter that stays cannot find it" \
        "functools.partial() is no function" "len is no function" "5 is no function" "refused is no function"
}
