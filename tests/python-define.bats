# dj define mod.py: the marked functions of a file as tasks of an interpreter that starts once.

load helper/djfs
load helper/python

setup()
{
    python_setup beside
    start_daemon --no-mount --workers 2
}

teardown()
{
    dj_teardown
}

# refused SENTENCE CODE WORD…: dj define says so.
refused()
{
    local sentence=$1 code=$2

    shift 2
    run dj define "$@"
    [ "$status" -eq "$code" ] || { echo "exit $status: $output"; return 1; } >&2
    # shellcheck disable=SC2053
    [[ $output = $sentence ]] || { echo "$output"; return 1; } >&2
    [ -z "$(dj ls tasks)" ]
}

@test "marked functions become resident tasks, and the interpreter starts once" {
    cat > mod.py <<'PYTHON'
import os
import djfs as dj

with open(os.environ["HOME"] + "/starts", "a") as file:
    file.write("started\n")

@dj.task
def increment(n: int, by: int = 1):
    """Adds to a number.

        increment 5
    """
    print("adding", by)
    return n + by

@dj.task(version=3, resources={"ram": 1}, timeout=60, ignore=["verbose"])
def pid(n, verbose=False):
    return os.getpid()

def plain(n):
    return n
PYTHON
    dj session default ram=4
    dj define mod.py
    [ "$(dj ls tasks | tr '\n' ' ')" = "increment pid " ]
    [ "$(wc -l < home/starts)" -eq 1 ] # to list them
    [ "$(get increment 5)" = 6 ]
    [ "$(get increment n=5 by=3)" = 8 ]
    [ "$(dj log increment/n=5,by=3)" = "adding 3" ]
    [ "$(get pid 1)" = "$(get pid 2)" ]
    [ "$(wc -l < home/starts)" -eq 2 ]
    [ "$(dj tasks --json | jq -r '.[] | select(.task == "increment") | .params')" = \
        "n:int, by:int" ]
    dj show increment | grep -q "Adds to a number"
    dj cat tasks/increment/.definition | grep -qx 'command = python3 -m djfs {here}/mod.py'
    dj cat tasks/increment/.definition | grep -qx 'launch = resident'
    [ "$(dj cat tasks/pid/.version)" = 3 ]
    dj cat tasks/pid/.definition | grep -qx 'timeout = 1m'
    dj cat tasks/pid/.definition | grep -qx 'resources = ram=1'
    [ "$(get pid 1 verbose=true)" = "$(get pid 1)" ]
    run get increment x
    [[ $output = *'n: "x" is not an int' ]]
    # Defined once more: nothing is stale.
    dj define ./mod.py
    [ "$(dj cat tasks/increment/n=5,by=1/status)" = "done" ]
}

@test "some of them by name" {
    printf 'import djfs\n@djfs.task\ndef f(): return 1\n@djfs.task\ndef g(): return 2\n' > mod.py
    refused "dj: $DJ_TMP/mod.py has no task h" 5 mod.py f h
    dj define mod.py g
    [ "$(dj ls tasks)" = g ]
    [ "$(get g)" = 2 ]
}

@test "an edited file gets a new interpreter" {
    printf 'import djfs\n@djfs.task\ndef f(): return 1\n' > mod.py
    dj define mod.py
    [ "$(get f)" = 1 ]
    sed -i 's/return 1/return 2/' mod.py
    [ "$(get f 2> /dev/null)" = 1 ]
    [ "$(get --force f)" = 2 ]
}

@test "a file in a package, a name with blanks and braces, a name that Python has itself" {
    mkdir -p "pack/sub" "a {b}"
    touch pack/__init__.py pack/sub/__init__.py
    echo 'base = 40' > pack/other.py
    printf 'import djfs\nfrom ..other import base\n@djfs.task\ndef inner(n): return base + n\n' \
        > pack/sub/mod.py
    dj define pack/sub/mod.py
    [ "$(get inner 2)" = 42 ]
    printf 'import djfs\n@djfs.task(name="odd.name")\ndef f(n): return n\n' > "a {b}/it's {x}.py"
    dj define "a {b}/it's {x}.py"
    [ "$(get odd.name 7)" = 7 ]
    printf 'import json, djfs\n@djfs.task\ndef g(n): return json.dumps(n)\n' > json.py
    printf 'import djfs\n@djfs.task\ndef h(n): return n\n' > random.py
    dj define random.py
    [ "$(get h 8)" = 8 ]
}

@test "a launch that starts a process, as an option of the function" {
    not_beside_sanitizer
    cat > mod.py <<'PYTHON'
import os, sys
import djfs as dj

@dj.task(launch="process")
def alone(a, b="x y"):
    print("heard", a)
    os.system("echo and this; echo that >&2")
    with dj.open("deep/er/file.txt", "w") as file:
        file.write(a)
    return [a, b, sys.stdin.read()]

@dj.task(launch="process")
def fails():
    raise KeyError("spoon")
PYTHON
    dj define mod.py
    [ "$(get alone '"q"')" = '["q", "x y", ""]' ]
    [ "$(dj cat "$(dj path alone '"q"')/files/deep/er/file.txt")" = q ]
    [ "$(dj log "$(dj path alone '"q"')" | sort | tr '\n' ' ')" = "and this heard q that " ]
    run get fails
    [ "$status" -eq 1 ]
    [[ $output = "dj: fails/_ failed with exit code 1: KeyError: 'spoon'" ]]
    dj log fails/_ | grep -q 'raise KeyError("spoon")'
    not grep -q djfs.py <(dj log fails/_)
}

@test "what no task can be made of, each with its sentence" {
    printf 'def f(): pass\n' > none.py
    refused "dj: none.py has no marked function: @djfs.task above a function makes it a task" 2 none.py
    printf 'import djfs\n@djfs.task\ndef f(:\n' > syntax.py
    refused "dj: $DJ_TMP/syntax.py:3: invalid syntax" 2 syntax.py
    refused "dj: missing.py: No such file or directory" 5 missing.py
    printf 'import djfs\n\nimport nothing_like_it\n' > import.py
    refused "dj: import.py:3: it cannot be imported: ModuleNotFoundError: No module named 'nothing_like_it'" \
        2 import.py
    printf 'import djfs\n@djfs.task\ndef f(*args): pass\n' > many.py
    refused "dj: f: \*args cannot be a parameter of a task: name each one" 2 many.py
    printf 'import djfs\n@djfs.task\ndef f(a, **options): pass\n' > many.py
    refused "dj: f: \*\*options cannot be a parameter of a task: name each one" 2 many.py
    printf 'import djfs\n@djfs.task\ndef f(a, force=1): pass\n' > names.py
    refused "dj: f: no parameter can be called force: it is a word of the call (*)" 2 names.py
    printf 'import djfs\n@djfs.task(colour=1)\ndef f(a): pass\n' > options.py
    refused "dj: f: there is no option colour" 2 options.py
    printf 'import djfs\n@djfs.task(b=djfs.Ignore)\ndef f(a): pass\n' > options.py
    refused "dj: f has no parameter b" 2 options.py
    printf 'import djfs\n@djfs.task(retries=-1)\ndef f(a): pass\n' > options.py
    refused "dj: $DJ_TMP/options.py: \`retries = -1\`: *" 2 options.py
    printf 'import djfs\n@djfs.task\ndef f(a={1}): pass\n' > default.py
    refused "dj: f: the default of a is no JSON but of type set: give a sorted list" 2 default.py
    printf 'import djfs\n@djfs.task\nasync def f(a): pass\n' > async.py
    refused "dj: f is async: a task is a plain function" 2 async.py
    printf 'import djfs\nclass C:\n    @djfs.task\n    def f(self): pass\n' > method.py
    refused "dj: C.f is not at the top of a file: *" 2 method.py
    printf 'import djfs\n@djfs.task(params="b:int")\ndef f(a): pass\n' > params.py
    refused "dj: f: params names b, which the function has not" 2 params.py
    printf 'import sys\nsys.exit(3)\n' > ends.py
    refused "dj: ends.py ends its interpreter while it is imported" 2 ends.py
    printf 'import os\nos._exit(3)\n' > ends.py
    refused "dj: $DJ_TMP/ends.py: loading it ended the process that tried" 2 ends.py
    printf 'print("chatter")\nimport djfs\n@djfs.task(name="7 x")\ndef f(): pass\n' > bad.py
    refused "dj: $DJ_TMP/bad.py: \`\[7 x]\`: *" 2 bad.py
    mkdir nothing
    (PATH=$DJ_BUILDDIR; dj define none.py 2>&1) | grep -q "cannot run python3: No such file"
}

@test "who stops waiting for an import that takes for ever has stopped it" {
    cat > slow.py <<'PYTHON'
import os, time
with open("importing", "w") as file:
    file.write(f"{os.getpid()}\n")
time.sleep(1000)
PYTHON
    dj define slow.py 3>&- &
    wait_until [ -s importing ]
    kill -TERM $!
    not wait $!
    wait_until not is_running "$(cat importing)"
}

@test "one with #DJ lines is a script, as ever" {
    printf '#DJ params = n:int\nimport sys\nprint(int(sys.argv[1]) + 1)\n' > script.py
    dj define script.py
    [ "$(get script 4)" = 5 ]
}

@test "what is wrong with a file later is the failure of its runs" {
    printf 'import djfs\n@djfs.task\ndef f(n): return n\n' > mod.py
    dj define mod.py
    [ "$(get f 1)" = 1 ]
    printf 'import djfs\n\n1 / 0\n' > mod.py
    run get f 2
    [[ $output = "dj: f/2 failed with exit code 1: mod.py:3: it cannot be imported: ZeroDivisionError: division by zero" ]]
    dj log f/2 | grep -q "1 / 0"
    printf 'import djfs\n' > mod.py
    run get f 3
    [[ $output = "dj: f/3 failed with exit code 1: mod.py has no task f; is it marked at the top of the file?" ]]
    printf 'import djfs\n@djfs.task\ndef f(n): return n\n' > mod.py
    [ "$(get f 3)" = 3 ]
}

@test "a program that calls at its top is imported up to there, what declares behind it too" {
    cat > program.py <<'PYTHON'
from __future__ import annotations
import djfs as dj

@dj.task
def first(n: int): return [n, base(n), LATER]

def write(name):
    with open(name, "a") as file:
        file.write("x\n")

write("before")
a = dj.tasks.first(1).get()
write("behind")
b = first(a[0] + 1).get()
LATER = "later"
COMPUTED = len(a)
import math

def base(n): return math.floor(n + 0.5)

@dj.task
def second(n): return n * 2

for n in range(3):
    write("loop")
print(a, b, second(21).get(), COMPUTED)
PYTHON
    [ -n "$(type -t python_setup)" ]
    dj define "$DJ_TMP/program.py"
    [ "$(dj ls tasks | tr '\n' ' ')" = "first second " ]
    [ "$(get second 4)" = 8 ]
    [ "$(get first 1)" = '[1, 1, "later"]' ]
    [ ! -e behind ]
    [ ! -e loop ]
}
