# Thousands who wait, those who do not want to wait any more, and everybody else: with the real djd.
# alone

bats_require_minimum_version 1.5.0
load helper/djfs

TOOLS=$DJ_BUILDDIR/tests/tools

setup_file()
{
    requires_fuse
    dj_setup
    cat > gate.sh << 'GATE'
echo "$1" >> "${0%/*}/count"
while ! test -e "${0%/*}/open-all" && ! test -e "${0%/*}/open-$1"; do sleep .05; done
echo left > left
echo through
GATE
    start_daemon --workers 2
    define_tasks << TASKS
[gate]
command = sh {here}/gate.sh {n}
params = n

[slow]
command = sh -c 'sleep .4; echo slow \$1' sh {x}
params = x

[script]
command = sh -c 'sleep .4; echo sourced=yes' sh {x}
params = x

[quick]
command = echo {x}
params = x
TASKS
    cat "$MNT/tasks/quick/done/result" > seen
}

teardown_file()
{
    touch "$DJ_TMP/open-all"
    dj_teardown
}

setup()
{
    requires_fuse
    cd "$DJ_TMP" || return
    T=$MNT/tasks
    mount=$(our_pids djfs)
    daemon=$(our_pids djd)
}

# Whatever a test left under way ends, so that the next one has its workers.
teardown()
{
    [ -n "${T-}" ] || return 0
    touch open-all open-tty2 open-traced
    wait_until -t 30 idle
    rm open-all open-tty2 open-traced
}

idle()
{
    grep -q '^busy 0' "$MNT/status" && grep -q '^queued 0' "$MNT/status"
}

threads()
{
    sed -n 's/^Threads:\t//p' "/proc/$1/status"
}

# blocked PID N: whether N threads of the process wait for the mount's answer.
blocked()
{
    is "$(grep -l request_wait_answer "/proc/$1/task/"*/wchan | wc -l)" "$2"
}

# start_readers N PATH: N threads blocked in open; the process is $readers.
start_readers()
{
    "$TOOLS/openers" "$1" "$2" > "openers-$1" 3>&- &
    readers=$!
    wait_until -t 60 many_blocked "$readers" "$1"
}

# As blocked, for so many that the shell's list of files is too long.
many_blocked()
{
    /usr/bin/python3 -S - "$@" << 'PY'
import os, sys
folder, n = '/proc/%s/task/' % sys.argv[1], 0
for task in os.listdir(folder):
    try:
        n += 'request_wait' in open(folder + task + '/wchan').read()
    except OSError:
        pass
raise SystemExit(n != int(sys.argv[2]))
PY
}

# start_reader PATH: one cat that is blocked; its pid is $reader.
start_reader()
{
    cat "$1" > reader-out 2> reader-err 3>&- &
    reader=$!
    wait_until blocked "$reader" 1
}

# takes_at_most MAX CMD ARGUMENT…: its exit status is in $status.
takes_at_most()
{
    local max=$1 start=${EPOCHREALTIME/[.,]/} took

    shift
    status=0
    "$@" || status=$?
    took=$(((${EPOCHREALTIME/[.,]/} - start) / 1000))
    ((took <= max * DJ_TIME_FACTOR)) && return 0
    echo "takes_at_most: $*: $took ms, not $max" >&2
    return 1
}

# The median of each kind of operation in milliseconds. The slowest say more of the machine: with
# nobody blocked they are no better.
operations()
{
    /usr/bin/python3 -S - "$MNT" << 'PY'
import os, sys, time
mnt = sys.argv[1]
done = mnt + '/tasks/quick/done'
def read(path):
    fd = os.open(path, os.O_RDONLY)
    os.read(fd, 4096)
    os.close(fd)
def write(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(fd, text)
    except OSError:
        pass
    os.close(fd)
def nonblock(path):
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except BlockingIOError:
        pass
kinds = {
    'stat': lambda i: os.stat(done + '/result'),
    'lookup of a new name': lambda i: os.path.exists('%s/tasks/quick/new-%d/status' % (mnt, i)),
    'read of a result': lambda i: read(done + '/result'),
    'read of status': lambda i: read(done + '/status'),
    'read of meta': lambda i: read(done + '/meta'),
    'read of the root status': lambda i: read(mnt + '/status'),
    'status of what is waited for': lambda i: read(mnt + '/tasks/gate/0/status'),
    'O_NONBLOCK of what is waited for': lambda i: nonblock(mnt + '/tasks/gate/0/result'),
    'listing of a run': lambda i: os.listdir(done),
    'listing of a task': lambda i: os.listdir(mnt + '/tasks/quick'),
    'statfs': lambda i: os.statvfs(mnt),
    'a refused word': lambda i: write(done + '/ctl', b'fly\n'),
    'a word': lambda i: write(done + '/ctl', b'run\n'),
}
for kind, do in kinds.items():
    took = []
    for i in range(200):
        t = time.perf_counter()
        do(i)
        took.append(time.perf_counter() - t)
    print('%.2f %s' % (sorted(took)[100] * 1000, kind))
PY
}

@test "10 000 readers blocked in open and 200 in files/: no thread more, and all else goes on" {
    threads_before=$(threads "$daemon")
    operations > alone
    start_readers 10000 "$T/gate/0/result"
    first=$readers
    start_readers 200 "$T/gate/%d/files/left"
    is "$(threads "$mount")" 3
    is "$(threads "$daemon")" "$threads_before"
    operations > took
    paste -d ' ' took alone |
        sed -E 's/^([0-9.]+) (.*) ([0-9.]+) .*/# median \1 ms: \2 (\3 before)/' >&3
    is "$(awk -v most=$((5 * DJ_TIME_FACTOR)) '$1 >= most' took)" ""
    is "$(threads "$mount")" 3
    is "$(threads "$daemon")" "$threads_before"
    touch open-all
    wait "$first" "$readers"
    is "$(cat openers-10000)" "started"$'\n'"10000 opened"
    is "$(cat openers-200)" "started"$'\n'"200 opened"
    is "$(sort count | uniq -d)" ""
    is "$(wc -l < count)" 200
}

@test "10 000 readers that are killed are gone at once, and nothing is left in state D" {
    start_readers 10000 "$T/gate/killed/result"
    # What is only queued goes with its readers.
    wait_until grep -qx running "$T/gate/killed/status"
    kill -KILL "$readers"
    takes_at_most 5000 wait "$readers"
    is "$(ps -eo stat,pid,comm | awk '$1 ~ /^D/ && $3 ~ /openers|cat|djd|djfs/')" ""
    is "$(cat "$T/gate/killed/status")" running
}

@test "kill, SIGTERM and timeout end a reader at once; the run goes on" {
    for signal in KILL TERM HUP; do
        start_reader "$T/gate/signals/result"
        kill -"$signal" "$reader"
        takes_at_most 500 wait "$reader"
    done
    takes_at_most 1500 timeout 1 cat "$T/gate/signals/result"
    is "$status" 124
    takes_at_most 800 timeout .3 readlink "$T/gate/signals/files"
    is "$status" 124
    takes_at_most 800 timeout .3 cat "$T/gate/signals/wait"
    is "$status" 124
    is "$(cat "$T/gate/signals/status")" running
}

@test "a queued run whose last reader leaves is withdrawn" {
    echo run > "$T/gate/w1/ctl"
    echo run > "$T/gate/w2/ctl"
    start_reader "$T/gate/w3/result"
    is "$(cat "$T/gate/w3/status")" queued
    kill "$reader"
    wait "$reader" || :
    wait_until grep -q absent "$T/gate/w3/status"
    not grep -q w3 count
}

# bash gives up the rest of a line whose command died by Ctrl-C, so each question is a line of its own.
# The kernel takes up no open again that was left for a stop: behind fg the reader has EINTR.
@test "Ctrl-C ends a reader and Ctrl-Z stops it, at once; its run goes on" {
    timeout $((40 * DJ_TIME_FACTOR)) /usr/bin/python3 -S - "$T/gate/tty/result" open-tty2 \
        "$T/gate/tty2/result" << 'PY'
import os, pty, sys, time
factor = int(os.environ.get('DJ_TIME_FACTOR', 1))
shell, tty = pty.fork()
if shell == 0:
    os.execvp('bash', ['bash', '--norc', '--noprofile', '-i'])
def type(line):
    os.write(tty, line.encode())
def until(text, most):
    seen, start = b'', time.monotonic()
    while text not in seen:
        seen += os.read(tty, 1000)
    took = time.monotonic() - start
    assert took < most * factor, (text, took)
def blocked_cat():
    while True:
        for pid in open('/proc/%d/task/%d/children' % (shell, shell)).read().split():
            try:
                if 'request_wait' in open('/proc/%s/wchan' % pid).read():
                    return int(pid)
            except OSError:
                pass
        time.sleep(.02)
type('PS1=; stty -echo\n')
type('cat %s\n' % sys.argv[1])
blocked_cat()
type('\x03')
type('echo status $?\n')
until(b'status 130', 3)
type('cat %s\n' % sys.argv[3])
cat = blocked_cat()
type('\x1a')
until(b'Stopped', 3)
state = open('/proc/%d/stat' % cat).read().split()[2]
assert state == 'T', state
type('fg\n')
until(b'Interrupted system call', 3)
type('cat %s\n' % sys.argv[3])
blocked_cat()
open(sys.argv[2], 'w')
until(b'through', 5)
type('exit\n')
PY
}

@test "a child that ends does not disturb bash, dash, perl or a sourced file" {
    run -0 bash -c 'sleep .1 & x=$(< "$1"); echo "$x"' - "$T/slow/job/result"
    is "$output" "slow job"
    run -0 dash -c 'trap : CHLD; sleep .1 & . "$1"; echo "$sourced"' - "$T/script/dash/result"
    is "$output" yes
    run -0 bash -c 'sleep .1 & . "$1"; echo "$sourced"' - "$T/script/bash/result"
    is "$output" yes
    run -0 perl -e '$SIG{CHLD} = sub {}; fork or do { select undef, undef, undef, .1; exit };
        open F, "<", $ARGV[0] or die "perl: $!"; print <F>' "$T/slow/perl/result"
    is "$output" "slow perl"
}

@test "harmless signals do not disturb, one with a handler is EINTR as everywhere" {
    run -0 /usr/bin/python3 - "$T/slow/signals/result" "$T/gate/handler/result" << 'PY'
import ctypes, signal, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
libc.open.restype = ctypes.c_int
for s in (signal.SIGVTALRM, signal.SIGPROF, signal.SIGWINCH, signal.SIGURG, signal.SIGUSR1):
    signal.signal(s, lambda *_: None)
    signal.siginterrupt(s, True)
me = threading.get_ident()
def send(*signals):
    threading.Timer(.1, lambda: [signal.pthread_kill(me, s) for s in signals]).start()
send(signal.SIGVTALRM, signal.SIGPROF, signal.SIGWINCH, signal.SIGURG, signal.SIGCONT)
assert libc.open(sys.argv[1].encode(), 0) >= 0, ctypes.get_errno()
send(signal.SIGUSR1)
assert libc.open(sys.argv[2].encode(), 0) < 0 and ctypes.get_errno() == 4
PY
}

@test "a deadly signal that comes after a harmless one is still seen" {
    bash -c 'trap : CHLD; sleep .1 & exec 5< "$1"' - "$T/gate/later/result" 3>&- 2> /dev/null &
    reader=$!
    wait_until blocked "$reader" 1
    wait_until not is_running "$(pgrep -P "$reader" sleep)"
    blocked "$reader" 1
    kill -KILL "$reader"
    takes_at_most 500 wait "$reader"
}

# The kernel stops a reader for its tracer only when the open has ended, so strace is killed.
@test "strace may attach and go away again: the reader goes on" {
    requires strace
    start_reader "$T/gate/traced/result"
    timeout -s KILL 0.3 strace -o trace -p "$reader" || :
    is_running "$reader"
    timeout -s KILL 0.3 strace -o trace -p "$reader" || :
    touch open-traced
    wait "$reader"
    is "$(cat reader-out reader-err)" through
}

@test "a second echo > ctl never waits for the first, nor for a read of its reply" {
    ctl=$T/gate/ctl/ctl
    exec 5<> "$ctl"
    takes_at_most 500 bash -c 'echo run >&5'
    cat <&5 > reply 3>&- &
    reader=$!
    wait_until blocked "$reader" 1
    for word in run force 'run
run' cancel; do
        takes_at_most 500 bash -c 'echo "$2" > "$1"' - "$ctl" "$word"
    done
    exits 1 bash -c 'echo fly > "$1"' - "$ctl"
    takes_at_most 500 cat "$ctl" > out
    exec 5>&-
    wait "$reader" || :
}

@test "nothing else waits: the same folder, another folder, a listing, the root" {
    start_reader "$T/gate/else/result"
    takes_at_most 300 ls -l "$T/gate/else" > out
    takes_at_most 300 cat "$T/gate/else/status" "$T/gate/else/log" "$T/gate/else/args" > out
    takes_at_most 300 ls -l "$T/gate" "$MNT" > out
    takes_at_most 500 df "$MNT" > out
    takes_at_most 5000 find "$MNT" > out
    kill "$reader"
    wait "$reader" || :
}
