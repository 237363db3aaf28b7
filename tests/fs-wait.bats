# djfs alone: those who wait, those who do not want to wait any more, and everybody else.
# alone

bats_require_minimum_version 1.5.0
load helper/djfs
load helper/fixture

setup()
{
    requires_fuse
    dj_setup
    start_fixture
    start_mount
}

teardown()
{
    dj_teardown
}

# start_reader NAME: a cat that is blocked in open; its pid in $reader.
start_reader()
{
    local before

    before=$(count waiting)
    cat "$(result_of "$1")" > /dev/null 2> reader-err 3>&- &
    reader=$!
    wait_until count_is waiting $((before + 1))
}

@test "a reader that is killed, terminated or timed out is gone at once, and its wait is given up" {
    for signal in KILL TERM INT; do
        start_reader "never-$signal"
        if [ "$signal" = INT ]; then # a shell's background job ignores SIGINT
            kill -KILL "$reader"
        else
            kill -"$signal" "$reader"
        fi
        takes_about 0 1000 wait "$reader"
        wait_until count_is waiting 0
    done
    takes_about 400 1500 timeout 0.5 cat "$(result_of never-timeout)"
    is "$status" 124
    wait_until count_is waiting 0
}

@test "Ctrl-C ends a reader and Ctrl-Z stops it" {
    run -0 python3 - "$(result_of never-tty)" "$(result_of never-stop)" << 'PY'
import os, pty, select, signal, subprocess, sys, time
def start(path):
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp('cat', ['cat', path])
    while 'request_wait' not in open('/proc/%d/wchan' % pid).read():
        time.sleep(0.01)
    return pid, fd
pid, fd = start(sys.argv[1])
t = time.monotonic()
os.write(fd, b'\x03')
_, status = os.waitpid(pid, 0)
assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT, status
assert time.monotonic() - t < 1
pid, fd = start(sys.argv[2])
os.kill(pid, signal.SIGTSTP)  # an orphaned group ignores the terminal's own
os.kill(pid, signal.SIGSTOP)
t = time.monotonic()
_, status = os.waitpid(pid, os.WUNTRACED)
assert os.WIFSTOPPED(status) or os.WIFEXITED(status), status
assert time.monotonic() - t < 1
os.kill(pid, signal.SIGKILL)
PY
}

@test "a signal with a handler interrupts open, as it does a slow device's" {
    run -0 bash -c 'trap : USR1; (sleep .3; kill -USR1 $$) & x=$(< "$1"); echo "status $?"' - \
        "$(result_of never-handler)"
    has "$output" "$(errno_text EINTR)"
}

@test "a child that ends does not disturb bash, perl or a sourced file" {
    run -0 bash -c 'sleep .1 & x=$(< "$1"); echo ${#x}' - "$(result_of with-job)"
    is "$output" 70000
    run -0 perl -e '$SIG{CHLD} = sub {}; fork or do { select undef, undef, undef, .1; exit };
        open F, "<", $ARGV[0] or die "perl: $!"; print -s F' "$(result_of with-perl)"
    is "$output" 70000
    run -0 python3 - "$(result_of with-timer)" << 'PY'
import signal, sys
signal.signal(signal.SIGVTALRM, lambda *_: None)
signal.signal(signal.SIGPROF, lambda *_: None)
signal.signal(signal.SIGWINCH, lambda *_: None)
import os, threading
me = threading.get_ident()
threading.Timer(.1, lambda: [signal.pthread_kill(me, s) for s in (26, 27, 28)]).start()
fd = os.open(sys.argv[1], os.O_RDONLY)
assert os.fstat(fd).st_size == 70000
PY
}

@test "a deadly signal that comes after a harmless one is still seen" {
    bash -c 'trap : CHLD; sleep .1 & exec 5< "$1"' - "$(result_of never-later)" 3>&- 2> /dev/null &
    reader=$!
    wait_until count_is waiting 1
    wait_until -t 1 not is_running "$(pgrep -P "$reader" sleep)"
    is "$(count waiting)" 1
    kill -KILL "$reader"
    takes_about 0 1000 wait "$reader"
    wait_until count_is waiting 0
}

@test "strace may attach and detach" {
    requires strace
    start_reader slow-traced
    timeout -s INT 0.1 strace -o trace -p "$reader" || :
    wait "$reader"
    is "$(cat reader-err)" ""
}

@test "many readers of one run are all answered" {
    run -0 "$TOOLS/openers" 500 "$(result_of shared)"
    has "$output" "500 opened"
    is "$(head -1 "$(result_of shared)")" "shared 3"
}

@test "a read of wait blocks until the run has ended, and can be interrupted" {
    start_reader never-w
    takes_about 200 1500 timeout 0.3 cat "$MNT/tasks/echo/never-w/wait"
    is "$status" 124
    cat "$MNT/tasks/echo/never-w/wait" > status 3>&- &
    waiter=$!
    wait_until count_is waiting 2
    echo release > "$MNT/ctl"
    wait "$waiter" "$reader"
    is "$(cat status)" done
}

@test "nothing else waits: another ctl, another folder, the same folder" {
    start_reader never-else
    takes_about 0 500 sh -c 'echo bogus > "$1/ctl"; :' - "$MNT" 2> /dev/null
    takes_about 0 500 ls -l "$MNT/tasks/echo/never-else"
    takes_about 0 500 cat "$MNT/tasks/echo/never-else/status"
    takes_about 0 500 sh -c 'echo bogus > "$1"; :' - "$MNT/tasks/echo/never-else/ctl" 2> /dev/null
    kill -KILL "$reader"
    wait "$reader" || :
}
