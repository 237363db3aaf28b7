# The files of a run beside its result: why it failed, what was before, how to repeat it, how far it
# is; each through the mount and by dj cat.

bats_require_minimum_version 1.5.0
load helper/djfs

setup_file()
{
    requires_fuse
    dj_setup
    start_daemon --workers 2
    define_tasks << TASKS
[moody]
command = sh -c 'echo "try" >> $DJ_TMP/tries; n=\$(wc -l < $DJ_TMP/tries); echo "log \$n" >&2; echo "left \$n" > left; mkdir -p a/b; echo deep > a/b/c; test -e $DJ_TMP/bad && exit 3; echo "result \$n"' sh {n}
params = n:int

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
    cd "$DJ_TMP"
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
