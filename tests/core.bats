# The core, end to end: real djd, worker, RocksDB and, where FUSE works, the mount.

load helper/djfs

setup_file()
{
    dj_setup
    mkdir "$DJ_TMP/count"
    start_daemon --workers 2
    cat > "$DJ_TMP/tasks.ini" <<TASKS
[square]
command = sh -c 'echo x >> $DJ_TMP/count/square-\$1; echo \$((\$1 * \$1))' sh {n}
params = n:int

[chain]
command = sh -c 'test \$1 -eq 0 && exec echo 0; echo \$((\$(dj get chain \$((\$1 - 1))) + 1))' sh {n}
params = n:int

[loop]
command = sh -c 'dj get loop \$((1 - \$1))' sh {n}
params = n:int

[fails]
command = sh -c 'echo oh dear >&2; exit 3' sh {n}
params = n:int

[gate]
command = sh -c 'echo x >> $DJ_TMP/count/gate; while ! test -e $DJ_TMP/open; do sleep 0.02; done; echo through' sh {n}
params = n:int

[leaves]
command = sh -c 'mkdir -p a/b; printf deep > a/b/c; ln -s a/b/c link; chmod 755 a/b/c; echo ok' sh
params =

[child]
command = sh -c 'echo x >> $DJ_TMP/count/child; echo 1' sh
params =

[parent]
command = sh -c 'echo x >> $DJ_TMP/count/parent; dj get child' sh
params =

[echoes]
command = printf %s {text}
params = text

[size]
command = wc -c {f}
params = f:file
TASKS
    dj define "$DJ_TMP/tasks.ini"
}

teardown_file()
{
    dj_teardown
}

teardown()
{
    ! mountpoint -q "$DJ_TMP/ticks" || umount "$DJ_TMP/ticks"
}

lines()
{
    wc -l < "$1"
}

@test "a result is computed once and read for ever after" {
    is "$(dj get square 7)" 49
    is "$(dj get square 7)" 49
    is "$(lines "$DJ_TMP/count/square-7")" 1
    is "$(dj cat tasks/square/7/result)" 49
    is "$(dj cat tasks/square/7/status)" done
}

@test "listing shows what has been computed and computes nothing" {
    dj get square 8
    run dj ls tasks/square
    [[ "$output" == *8* ]]
    [[ "$output" != *99* ]]
    run dj cat tasks/square/99/status
    is "$output" absent
    [ ! -e "$DJ_TMP/count/square-99" ]
}

@test "a chain of 60 runs finishes with two workers" {
    is "$(dj get chain 60)" 60
    is "$(dj ls tasks/chain | wc -l)" 61
    is "$(dj ls tasks/chain/60/deps)" chain,59
    is "$(dj ls tasks/chain/59/dependents)" chain,60
}

@test "a cycle fails and names itself" {
    run dj get loop 0
    [ "$status" -eq 1 ]
    run dj cat tasks/loop/1/log
    [[ "$output" == *"a cycle: loop/1 waits for loop/0 waits for loop/1"* ]]
}

@test "a failed run is no result, and its log stays" {
    run dj get fails 1
    [ "$status" -eq 1 ]
    [[ "$output" == *"exit code 3"*"oh dear"* ]]
    is "$(dj cat tasks/fails/1/status)" failed
    is "$(dj cat tasks/fails/1/log)" "oh dear"
}

@test "twenty who ask at once share one execution" {
    for i in $(seq 20); do
        dj get gate 1 > "$DJ_TMP/gate.$i" 3>&- &
    done
    wait_until test -e "$DJ_TMP/count/gate"
    is "$(dj cat tasks/gate/1/status)" running
    touch "$DJ_TMP/open"
    wait
    is "$(sort -u "$DJ_TMP"/gate.*)" through
    is "$(lines "$DJ_TMP/count/gate")" 1
}

@test "force computes anew, incognito stores nothing" {
    dj get square 11
    dj get --force square 11
    is "$(lines "$DJ_TMP/count/square-11")" 2
    is "$(dj get --incognito square 12)" 144
    is "$(dj cat tasks/square/12/status)" absent
    is "$(lines "$DJ_TMP/count/square-12")" 1
}

@test "what is not cached is said so" {
    run dj get --cached square 1234
    [ "$status" -eq 3 ]
    [ ! -e "$DJ_TMP/count/square-1234" ]
}

@test "files of any depth stay with modes and links" {
    is "$(dj get leaves)" ok
    is "$(dj cat tasks/leaves/_/files/a/b/c)" deep
    is "$(dj cat tasks/leaves/_/files/link)" deep
    [[ "$(dj ls -l tasks/leaves/_/files/a/b)" == -r-xr-xr-x*c ]]
}

@test "a version of the child makes the parent stale, and set back revives it" {
    is "$(dj get parent)" 1
    is "$(dj bump child)" 2
    is "$(dj cat tasks/parent/_/status)" stale
    is "$(dj get parent)" 1
    is "$(lines "$DJ_TMP/count/parent")" 2
    is "$(lines "$DJ_TMP/count/child")" 2
    dj write tasks/child/.version 1
    is "$(dj cat tasks/parent/_/status)" done
    dj get parent
    is "$(lines "$DJ_TMP/count/parent")" 2
}

@test "any byte string without NUL is an argument" {
    local text
    for text in 'a/b' '..' '.hidden' '' '%41' 'a b' $'line\nbreak' $'\xff\xfe' '_' 'x=1,y' '{a;b' \
        '{}' '{a}' "it's"; do
        is "$(dj get echoes text="$text"; printf .)" "$text."
    done
    is "$(dj get echoes text='{%7Ba%3Bb%7D}')" '{a;b}' # unencoded it is two
    text=$(printf '%0400d' 7)
    is "$(dj get echoes "$text")" "$text"
    [[ "$(dj path echoes "$text")" == tasks/echoes/%h* ]]
}

@test "a file is known by its content" {
    printf 12345 > "$DJ_TMP/input"
    is "$(dj get size "$DJ_TMP/input")" "5 $DJ_TMP/input"
    [[ "$(dj path size "$DJ_TMP/input")" == tasks/size/input@?????????? ]]
    printf 123456 > "$DJ_TMP/input"
    is "$(dj get size "$DJ_TMP/input")" "6 $DJ_TMP/input"
}

# Where the file system stamps files by the kernel's tick, such a file keeps its times and its size.
@test "a file that is written again at once, as long as before, is known by its content" {
    requires_fuse
    local dir="$DJ_TMP/ticks"
    mkdir "$dir"
    ((EUID != 0)) || mount -t ramfs djtest "$dir"
    echo 99 > "$dir/input"
    printf '[tracks]\ncommand = true\ntrack = %s\n' "$dir/input" > "$DJ_TMP/tracks.ini"
    dj define "$DJ_TMP/tracks.ini"
    cat > written.py <<'PYTHON'
import os, sys
mount, path = sys.argv[1:]
def written(n):
    with open(path, 'w') as file:
        file.write('%d\n' % n)
def name(n):
    written(n)
    return os.readlink('%s/tasks/size/%s' % (mount, path.replace('/', '%2F')))
def tracked(n):
    written(n)
    with open(mount + '/tasks/tracks/_/key') as file:
        return next(line for line in file if line.startswith('tracked '))
print(len({name(n) for n in range(100, 500)}), len({tracked(n) for n in range(100, 500)}))
PYTHON
    is "$(python3 -S written.py "$MNT" "$dir/input")" "400 400"
}

@test "what was deleted comes back within a day" {
    dj get square 20
    dj rm square 20
    is "$(dj cat tasks/square/20/status)" absent
    dj undelete square 20
    is "$(dj cat tasks/square/20/status)" done
    is "$(lines "$DJ_TMP/count/square-20")" 1
}

@test "bad input is refused with a sentence and the right exit code" {
    run dj get nosuch 1
    [ "$status" -eq 5 ]
    run dj get square
    [ "$status" -eq 2 ]
    run dj get square 1 2
    [ "$status" -eq 2 ]
    run dj get square x
    [ "$status" -eq 2 ]
    [[ "$output" == *"not an int"* ]]
    run dj write tasks/square/1/ctl fly
    [ "$status" -eq 2 ]
    printf '[t]\ncommand = true\nbogus = 1\n' > "$DJ_TMP/bad.ini"
    run dj define "$DJ_TMP/bad.ini"
    [ "$status" -eq 2 ]
    [[ "$output" == *"bad.ini:3:"* ]]
    run dj get t
    [ "$status" -eq 5 ]
}

@test "through the mount: cat computes, the second time it is a file read" {
    requires_fuse
    is "$(cat "$MNT/tasks/square/30/result")" 900
    is "$(cat "$MNT/tasks/square/30/result")" 900
    is "$(lines "$DJ_TMP/count/square-30")" 1
    cp "$MNT/tasks/square/31/result" "$DJ_TMP/copy"
    is "$(cat "$DJ_TMP/copy")" 961
}

@test "through the mount: a crawl computes nothing" {
    requires_fuse
    dj bump square > /dev/null
    cat "$MNT/tasks/square/40/result"
    find "$MNT" > /dev/null
    grep -r nothing "$MNT/tasks" > /dev/null || true
    tar -cf "$DJ_TMP/crawl.tar" -C "$MNT" tasks
    du -s "$MNT" > /dev/null
    is "$(lines "$DJ_TMP/count/square-7")" 1
    is "$(lines "$DJ_TMP/count/square-30")" 1
}

@test "through the mount: force under an open file keeps the old bytes" {
    requires_fuse
    cat "$MNT/tasks/square/50/result"
    exec 5< "$MNT/tasks/square/50/result"
    echo force > "$MNT/tasks/square/50/ctl"
    is "$(cat "$MNT/tasks/square/50/result")" 2500
    is "$(cat <&5)" 2500
    exec 5<&-
    is "$(lines "$DJ_TMP/count/square-50")" 2
}

@test "through the mount: refused control words fail in write" {
    requires_fuse
    cat "$MNT/tasks/square/51/result"
    run sh -c "/bin/echo fly > '$MNT/tasks/square/51/ctl'"
    [ "$status" -ne 0 ]
    [[ "$output" == *"Invalid argument"* ]]
    rm -r "$MNT/tasks/square/51"
    is "$(dj cat tasks/square/51/status)" absent
}

@test "kill -9 of the daemon loses no result and no running task" {
    rm -f "$DJ_TMP/open"
    is "$(dj get square 60)" 3600
    dj run gate 2
    wait_until sh -c "dj cat tasks/gate/2/status | grep -q running"
    kill_daemon
    start_daemon --workers 2 --no-mount
    is "$(dj get --cached square 60)" 3600
    is "$(lines "$DJ_TMP/count/square-60")" 1
    touch "$DJ_TMP/open"
    is "$(dj get gate 2)" through
    is "$(lines "$DJ_TMP/count/gate")" 2
}
