# Looking never computes: a crawl over runs in every state, while some are running and queued.

bats_require_minimum_version 1.5.0
load helper/djfs

setup_file()
{
    requires_fuse
    dj_setup
    start_daemon --workers 2
    cat > gate.sh << 'GATE'
echo "gate $1" >> "${0%/*}/count"
echo $$ > "${0%/*}/pid-$1"
while ! test -e "${0%/*}/open"; do sleep .05; done
echo through
GATE
    define_tasks << TASKS
[plain]
command = sh -c 'echo "plain \$1" >> $DJ_TMP/count; mkdir -p a/b; echo deep > a/b/c; echo \$1' sh {n}
params = n:int

[fails]
command = sh -c 'echo "fails \$1" >> $DJ_TMP/count; echo oh dear >&2; exit 3' sh {n}
params = n:int

[gate]
command = sh {here}/gate.sh {n}
params = n:int

[parent]
command = sh -c 'echo "parent \$1" >> $DJ_TMP/count; dj get gate \$1' sh {n}
params = n:int

[older]
command = sh -c 'echo "older \$1" >> $DJ_TMP/count; echo \$1' sh {n}
params = n:int
version = 1

[size]
command = sh -c 'echo "size" >> $DJ_TMP/count; wc -c < "\$1"' sh {f}
params = f:file

[quiet]
command = sh -c 'echo "quiet \$1" >> $DJ_TMP/count; echo \$1' sh {x}
params = x verbose
default.verbose = 0
ignore = verbose
TASKS
    T=$MNT/tasks
    echo 12345 > input
    echo 1 > other
    cat "$T/plain/1/result" "$T/plain/5/result" "$T/older/1/result" "$T/older/2/result" \
        "$T/quiet/x=a/result" > seen
    dj get size input >> seen
    dj get size other >> seen
    rm other
    not cat "$T/fails/1/result" 2>> seen
    echo 2 > "$T/older/.version"
    rm -r "$T/plain/5"
    begin_gates
    every_status > statuses
}

# One waiting, two running (one of them for the other), one that was cancelled and one whose reaper
# was killed each time it was started; then more than there are slots for.
begin_gates()
{
    local reaper

    echo run > "$T/gate/8/ctl"
    for _ in 1 2 3 4; do
        wait_until test -s pid-8
        reaper=$(sed -n 's/^PPid:\t//p' "/proc/$(cat pid-8)/status")
        rm pid-8
        kill -KILL "$reaper"
    done
    wait_until in_state gate/8 lost
    echo run > "$T/gate/9/ctl"
    wait_until test -s pid-9
    echo cancel > "$T/gate/9/ctl"
    wait_until in_state gate/9 cancelled
    echo run > "$T/parent/1/ctl"
    wait_until test -s pid-1
    wait_until in_state parent/1 waiting
    echo run > "$T/gate/2/ctl"
    wait_until test -s pid-2
    for run in gate/3 gate/4 parent/3 plain/7 older/3; do
        echo run > "$T/$run/ctl"
        wait_until in_state "$run" queued
    done
}

teardown_file()
{
    touch "$DJ_TMP/open"
    dj_teardown
}

setup()
{
    requires_fuse
    cd "$DJ_TMP" || return
    T=$MNT/tasks
}

in_state()
{
    [ "$(cat "$T/$1/status")" = "$2" ]
}

# shellcheck disable=SC2054
runs_in_every_state=(plain/1 plain/5 plain/6 plain/7 fails/1 fails/2 gate/1 gate/2 gate/3 gate/4
    gate/8 gate/9 parent/1 parent/2 parent/3 older/1 older/2 older/3 quiet/a quiet/x=a quiet/b
    quiet/x=a,verbose=7 quiet/x=c,verbose=7 size/%2Fno%2Fsuch)

every_status()
{
    local files=("${runs_in_every_state[@]/#/$T/}")

    grep -H '' "${files[@]/%//status}" "$T"/*/.status 2>&1 | sed "s|^$T/||; s|/status:| |"
}

# crawls CMD ARGUMENT…: ends by itself, and all is as before: what was started, and every state.
crawls()
{
    local code=0

    cp count count-before
    timeout $((20 * DJ_TIME_FACTOR)) "$@" > crawl.out 2> crawl.err || code=$?
    [ "$code" -le 2 ] || { echo "$* ended with $code" >&2; tail -n 5 crawl.err >&2; return 1; }
    same count count-before
    every_status | diff statuses -
}

@test "the store holds runs in every state" {
    for state in absent queued waiting running 'done' failed cancelled lost stale; do
        has "$(cut -d ' ' -f 2 statuses)" "$state"
    done
    has "$(cat statuses)" "gate/2 running"
    has "$(cat statuses)" "parent/1 waiting"
    has "$(cat statuses)" "plain/5 absent"
    has "$(cat statuses)" "older/1 stale"
}

@test "a listing has result and files of done and valid runs only" {
    is "$(cd "$T" && find . -name result | sort)" "$(printf '%s\n' ./plain/1/result \
        ./quiet/a/result "./$(cd "$T" && ls -d size/input@*)/result" \
        "./$(cd "$T" && ls -d size/other@*)/result")"
    is "$(find "$T" -name wait)" ""
    is "$(find "$T" -name '.*')" ""
}

@test "find, ls -lR and du start nothing" {
    crawls find "$MNT" -ls
    crawls find "$MNT" -type f -exec cat {} +
    crawls find "$MNT" -follow -size +0
    crawls ls -lRa "$MNT"
    crawls ls -lRL "$MNT"
    crawls du -a "$MNT"
    crawls du -L "$MNT"
}

@test "grep -r starts nothing, and ends" {
    crawls grep -r through "$MNT"
    crawls grep -R deep "$MNT"
    has "$(cat crawl.out)" files/a/b/c
}

@test "tar, cp -r and rsync start nothing, and copy what is there" {
    crawls tar -cf crawl.tar -C "$MNT" .
    is "$(tar -xOf crawl.tar ./tasks/plain/1/files/a/b/c)" deep
    crawls cp -r "$MNT" copied
    is "$(cat copied/tasks/plain/1/files/a/b/c)" deep
    crawls rsync -a "$MNT/" rsynced
    same rsynced/tasks/plain/1/result "$T/plain/1/result"
    crawls cp -rL "$MNT/tasks/plain" followed
}

@test "updatedb starts nothing" {
    requires updatedb
    crawls updatedb --require-visibility no --database-root "$MNT" --output located \
        --prunefs '' --prunepaths '' --prune-bind-mounts no
    has "$(locate -d located result)" plain/1/result
}

@test "stat, access, xattr and listings of a run that is named start nothing" {
    for run in "${runs_in_every_state[@]}"; do
        for file in result log status wait args meta ctl; do
            crawled+=("$T/$run/$file")
        done
        folders+=("$T/$run")
    done
    crawls stat "${crawled[@]}"
    crawls stat -L "${crawled[@]}"
    crawls getfattr -d -m - "${crawled[@]}"
    crawls file "${crawled[@]}"
    crawls ls -la "${folders[@]}"
    crawls bash -c 'for f; do [ -e "$f" -a -r "$f" ] && [ -s "$f" ]; done; :' - "${crawled[@]}"
    crawls bash -c 'for f; do [ -x "$f/files" ]; cd "$f"; done; :' - "$T/plain/1"
}

@test "a glob of names reaches what is there, and the shell's look at a folder starts nothing" {
    crawls bash -c 'cd "$1" && echo */*/status */*/files */*/result && compgen -f gate/' - "$T"
    grep -q gate/2/result crawl.out # it runs, so it is listed, and named by the glob
    not grep -q gate/3/result crawl.out
}

@test "an open with O_NONBLOCK gives bytes or EAGAIN, in every state" {
    crawls /usr/bin/python3 - "$T" "${runs_in_every_state[@]}" << 'PY'
import errno, os, sys
for run in sys.argv[2:]:
    try:
        fd = os.open(sys.argv[1] + '/' + run + '/result', os.O_RDONLY | os.O_NONBLOCK)
        print(run, os.read(fd, 100))
        os.close(fd)
    except OSError as e:
        print(run, errno.errorcode[e.errno])
PY
    diff <(cut -d ' ' -f 1,2 crawl.out) - << 'WANT'
plain/1 b'1\n'
plain/5 EAGAIN
plain/6 EAGAIN
plain/7 EAGAIN
fails/1 EAGAIN
fails/2 EAGAIN
gate/1 EAGAIN
gate/2 EAGAIN
gate/3 EAGAIN
gate/4 EAGAIN
gate/8 EAGAIN
gate/9 EAGAIN
parent/1 EAGAIN
parent/2 EAGAIN
parent/3 EAGAIN
older/1 EAGAIN
older/2 EAGAIN
older/3 EAGAIN
quiet/a b'a\n'
quiet/x=a b'a\n'
quiet/b EAGAIN
quiet/x=a,verbose=7 b'a\n'
quiet/x=c,verbose=7 EAGAIN
size/%2Fno%2Fsuch ENOENT
WANT
}

@test "afterwards all that was asked for is done, and nothing else" {
    touch open
    for run in gate/1 gate/2 gate/3 gate/4 parent/1 parent/3 plain/7 older/3; do
        cat "$T/$run/wait" > state
        is "$(cat state)" 'done' "$run"
    done
    is "$(sort count | uniq -c | awk '$1 > 1')" $'      4 gate 8\n      2 size'
    is "$(cut -d ' ' -f 1,2 count | sort -u)" "$(printf '%s\n' 'fails 1' 'gate 1' 'gate 2' 'gate 3' \
        'gate 4' 'gate 8' 'gate 9' 'older 1' 'older 2' 'older 3' 'parent 1' 'parent 3' 'plain 1' \
        'plain 5' 'plain 7' 'quiet a' size)"
}
