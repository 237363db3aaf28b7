# The files of a run beside its result: why it failed, what was before, how to repeat it, how far it
# is; each through the mount and by dj cat.

bats_require_minimum_version 1.5.0
load helper/djfs

setup_file()
{
    requires_fuse
    dj_setup
    start_daemon --workers 2
    cat > "$DJ_TMP/shows.sh" << 'SH'
#!/bin/sh
cat "$2"; text=$1; shift 2; printf '<%s>' "$text" "$@"; cat
env | grep -v -e ^DJ_RUN= -e ^TMPDIR= -e ^DJ_ARG -e ^PWD= -e ^_= | sort
cat "$DJ_ARGS"; ls -A; test -d "$TMPDIR"
SH
    chmod +x "$DJ_TMP/shows.sh"
    define_tasks << TASKS
[moody]
command = sh -c 'echo "try" >> $DJ_TMP/tries; n=\$(wc -l < $DJ_TMP/tries); echo "log \$n" >&2; echo "left \$n" > left; mkdir -p a/b; echo deep > a/b/c; test -e $DJ_TMP/bad && exit 3; echo "result \$n"' sh {n}
params = n:int

[shows]
command = {here}/shows.sh {text} {text@} {list} {yes?--flag}
params = text list:str* yes:bool
env.ODD = it's \$HOME "quoted" \`here\`
env = CALLER

[block]
script =
    #!/usr/bin/env python3
    import json, os, sys
    print(json.load(open(os.environ['DJ_ARGS']))['text'])
    open('left', 'w').write('x')
params = text
result = file:left

[reads]
command = sh -c 'cat \$DJ/tasks/moody/\$1/history/1/result' sh {n}
params = n:int
TASKS
    T=$MNT/tasks
    export T
}

teardown_file()
{
    dj_teardown
}

setup()
{
    rm -f "$DJ_TMP/bad" "$DJ_TMP/tries"
    cd "$DJ_TMP" || return
}

# both PATH: its bytes through the mount, which dj cat gives, too.
both()
{
    cat "$MNT/$1" > by-mount
    dj cat "$1" > by-dj
    same by-mount by-dj
    cat by-mount
}

@test "error: why the newest try failed, listed when it did" {
    is "$(both tasks/moody/1/error)" ""
    touch bad
    gives_errno EIO cat "$T/moody/1/result"
    is "$(both tasks/moody/1/error)" "moody/1 failed with exit code 3: log 1"
    has "$(ls "$T/moody/1")" error
    has "$(dj ls tasks/moody/1)" error
    rm bad
    is "$(cat "$T/moody/1/result")" "result 2"
    is "$(both tasks/moody/1/error)" ""
    wait_until not grep -q error <(ls "$T/moody/1")
    touch bad
    echo force > "$T/moody/1/ctl"
    cat "$T/moody/1/wait" > waited
    is "$(cat "$T/moody/1/result")" "result 2"
    has "$(both tasks/moody/1/error)" "exit code 3"
    not dj write tasks/moody/1/error x 2> refusal
    has "$(cat refusal)" "not written to"
}

@test "history: each earlier instance with result, files, log and meta; also those that failed" {
    is "$(cat "$T/moody/2/result")" "result 1"
    is "$(ls "$T/moody/2/history")" ""
    touch bad
    echo invalidate > "$T/moody/2/ctl"
    gives_errno EIO cat "$T/moody/2/result"
    rm bad
    is "$(cat "$T/moody/2/result")" "result 3"
    is "$(ls "$T/moody/2/history")" "$(printf '%s\n' 1 2)"
    is "$(ls "$T/moody/2/history/1")" "$(printf '%s\n' files log meta result)"
    is "$(ls "$T/moody/2/history/2")" "$(printf '%s\n' files log meta)"
    is "$(both tasks/moody/2/history/1/result)" "result 1"
    is "$(both tasks/moody/2/history/1/log)" "log 1"
    is "$(both tasks/moody/2/history/1/files/left)" "left 1"
    is "$(both tasks/moody/2/history/1/files/a/b/c)" deep
    is "$(both tasks/moody/2/history/2/log)" "log 2"
    is "$(both tasks/moody/2/history/2/files/left)" "left 2"
    is "$(both tasks/moody/2/history/3/result)" "result 3"
    both tasks/moody/2/history/2/meta > meta
    is "$(jq -r '.state, .code, .attempt, has("status")' meta | tr '\n' ' ')" "failed 3 1 false "
    gives_errno ENOENT cat "$T/moody/2/history/2/result"
    gives_errno ENOENT ls "$T/moody/2/history/4"
    is "$(wc -l < tries)" 3
}

@test "history is a constant: a run that reads it has called nothing and stays valid" {
    cat "$T/moody/3/result" > seen
    is "$(cat "$T/reads/3/result")" "result 1"
    is "$(ls "$T/reads/3/deps")" ""
    echo invalidate > "$T/moody/3/ctl"
    cat "$T/moody/3/result" > seen
    is "$(cat "$T/reads/3/status")" "done"
    is "$(cat "$T/moody/3/history/1/result")" "result 1"
}

@test "history outlives the daemon and goes with its run, by rm -r, too" {
    cat "$T/moody/4/result" > seen
    echo force > "$T/moody/4/ctl"
    is "$(cat "$T/moody/4/result")" "result 2"
    stop_daemon
    start_daemon --workers 2
    is "$(cat "$T/moody/4/history/1/result")" "result 1"
    exec 5< "$T/moody/4/history/1/files/left"
    rm -r "$T/moody/4"
    is "$(cat <&5)" "left 1"
    exec 5<&-
    gives_errno ENOENT cat "$T/moody/4/history/1/result"
    is "$(cat "$T/moody/4/status")" absent
    cat "$T/moody/4/result" > seen
    is "$(ls "$T/moody/4/history")" ""
    is "$(cat "$T/moody/4/history/1/result")" "result 3"
}

@test "command: repeats a run by hand, byte for byte, whatever its arguments are" {
    local odd=$'it\'s "odd" $(x) `y` \\ %s %% \n two\tlines\x01\xff end'
    export CALLER="o'ne two"
    dj get shows "text=$odd" 'list=a b;c' yes=true > result
    name=$(dj ls tasks/shows)
    is "$(stat -c %A "$T/shows/$name/command")" "-r-xr-xr-x"
    echo "not read" | bash -c 'exec -c "$1"' bash "$T/shows/$name/command" > repeated
    same repeated "$T/shows/$name/result"
    dj cat "tasks/shows/$name/command" > script
    sh script < /dev/null > repeated
    same repeated "$T/shows/$name/result"
    sh -n script
    is "$(ls -d /tmp/dj-command.* 2> /dev/null)" ""
}

@test "command: a script block with a result file; what failed fails the same; what is not there" {
    mkdir -p tmp
    cat "$T/block/hello/result" > seen
    TMPDIR=$DJ_TMP/tmp "$T/block/hello/command" > repeated 2> said
    same repeated seen
    has "$(cat said)" hello
    has "$(cat said)" "what it left is in $DJ_TMP/tmp/dj-command."
    is "$(cat tmp/dj-command.*/cwd/left)" x
    touch bad
    TMPDIR=$DJ_TMP/tmp exits 3 "$T/moody/9/command"
    is "$(cat "$T/moody/9/status")" absent
    dj memo sh -c 'echo "$1"; pwd' sh "a'b" > seen
    "$T/memo/$(ls "$T/memo" | head -1)/command" > repeated
    same repeated seen
}
