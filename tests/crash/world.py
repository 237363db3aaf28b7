"""The programs under test, started as a supervisor does, and the kill points in them."""
import errno, mmap, os, signal, stat, struct, subprocess, time

SCRIPT = r'''#!/bin/sh
# task.sh KIND N: the result names this execution, and no other.
here=${0%/*}
read -r id < /proc/sys/kernel/random/uuid
echo "$1 $2 $id" >> "$here/executions"
sleep 0.0$(($2 % 5))
case $1 in
large)
    yes "large $2 $id" | head -c 1300000 ;;
files)
    echo "files $2 $id"
    mkdir -p d/e
    echo "a $id" > a
    chmod 0640 a
    yes "big $id" | head -c 1100000 > d/big
    chmod 0750 d/big
    ln -s ../../a d/e/link
    mkfifo d/fifo ;;
sum)
    one=$(cat "$DJ/tasks/small/n=$2/result") && cat "$DJ/tasks/large/$2/result" > copy || exit 1
    rm copy
    echo "sum $2 $id"
    echo "$one" ;;
ask)
    dj reserve things=0.1 && dj release things=0.05 && one=$(dj get small "$2") || exit 1
    echo "ask $2 $id"
    echo "$one" ;;
again)
    if mkdir "$here/tried/$2"; then echo first >&2; exit 75; fi 2> /dev/null
    rmdir "$here/tried/$2"
    echo "again $2 $id" ;;
*)
    echo "$1 $2 $id"
    echo "log $id" >&2 ;;
esac
'''

# The same in threads of a process that stays; what is asked for by a thread, and by a program.
LIBRARY = r'''#include <djfs/task.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define OPTIONS "params = n:int\nenv.CRASH_WORK = " WORK

static int begins(struct dj_run *run, const char *kind, char line[128])
{
    long long n = dj_arg_int(run, "n");
    int uuid = open("/proc/sys/kernel/random/uuid", O_RDONLY | O_CLOEXEC);
    int file = open(WORK "/executions", O_WRONLY | O_APPEND | O_CLOEXEC);
    char id[37] = "";
    ssize_t len, rc = read(uuid, id, 36);

    close(uuid);
    len = snprintf(line, 128, "%s %lld %s\n", kind, n, id);
    rc = rc == 36 && write(file, line, len) == len ? 0 : -1;
    close(file);
    usleep(n % 5 * 10000);
    return rc < 0 || dj_printf(run, "%s", line) != 0 ? -1 : 0;
}

DJ_TASK(thread, OPTIONS)
{
    char line[128];

    return begins(run, "thread", line);
}

DJ_TASK(threads, OPTIONS)
{
    long long n = dj_arg_int(run, "n");
    char line[128];
    const char *one = dj_getf(run, NULL, "thread/%lld", n);

    if (one == NULL || dj_getf(run, NULL, "small/%lld", n) == NULL ||
        begins(run, "threads", line) != 0)
        return -1;
    return dj_printf(run, "%s", one);
}
'''

COMMANDS = ['small', 'large', 'files', 'sum', 'ask', 'again']
KINDS = COMMANDS + ['thread', 'threads']
CHILDREN = {'sum': ['small', 'large'], 'ask': ['small'], 'threads': ['thread', 'small']}
THREADS, KEYS, WORKERS = 4, 2, 3
LIMIT = 30 * float(os.environ.get('DJ_TIME_FACTOR', 1))


def content(kind, n, ident):
    """The result of an execution; of those that have children, its first line."""
    if kind == 'large':
        line = b'large %d %s\n' % (n, ident.encode())
        return (line * (1300000 // len(line) + 1))[:1300000]
    return b'%s %d %s\n' % (kind.encode(), n, ident.encode())


def big_file(ident):
    line = b'big %s\n' % ident.encode()
    return (line * (1100000 // len(line) + 1))[:1100000]


def now():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class Wrong(Exception):
    """The store, or what is around it, is not as it must be."""


def until(what, condition):
    """Waits for it; `condition` gives something false when it holds, else what is in the way."""
    end = time.monotonic() + LIMIT
    while True:
        problem = condition()
        if not problem:
            return
        if time.monotonic() > end:
            raise Wrong('%s: %s' % (what, problem))
        time.sleep(0.02)


class Trap:
    """struct trap of kill_point.c, shared with every program."""

    def __init__(self, path):
        with open(path, 'wb') as file:
            file.write(bytes(128))
        with open(path, 'r+b') as file:
            self.map = mmap.mmap(file.fileno(), 128)

    def arm(self, name, count=1):
        self.disarm()
        self.map[16:128] = name.encode().ljust(112, b'\0')
        self.map[0:4] = struct.pack('=I', count)

    def disarm(self):
        """Whether nobody had been ended."""
        free = self.hit() is None
        self.map[0:16] = bytes(16)
        return free

    def hit(self):
        """(pid, moment) of who was ended, or None."""
        _, pid, when = struct.unpack('=IIQ', self.map[0:16])
        return (pid, when) if pid != 0 else None


class Processes:
    """Those of this test, by the folder in their environment."""

    def __init__(self, work):
        self.mark = b'CRASH_WORK=' + work.encode()
        self.reapers, self.reapers_until = [], 0.0

    def each(self):
        """(pid, name, parent) of all that are not zombies."""
        for entry in os.listdir('/proc'):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                with open('/proc/%s/environ' % entry, 'rb') as file:
                    if self.mark not in file.read().split(b'\0'):
                        continue
                with open('/proc/%s/stat' % entry) as file:
                    text = file.read()
            except OSError:
                continue
            state, parent = text[text.rindex(')') + 2:].split()[:2]
            if state not in 'ZX':
                yield int(entry), text[text.index('(') + 1:text.rindex(')')], int(parent)

    def find(self, victim):
        """Pids of one sort: djd djw djfs, a host, a reaper that has a task, a task, the remover."""
        if victim == 'host':
            victim = 'dj-host'
        if victim not in ('task', 'reaper'):
            return [pid for pid, name, _ in self.each() if name == victim]
        # a task is over before all processes of a busy machine have been looked at
        if time.monotonic() > self.reapers_until:
            self.reapers = [pid for pid, name, _ in self.each() if name == 'dj-reaper']
            self.reapers_until = time.monotonic() + 0.5
        tasks = [(pid, reaper) for reaper in self.reapers for pid in self.children(reaper)]
        return [pid if victim == 'task' else reaper for pid, reaper in tasks]

    @staticmethod
    def children(pid):
        try:
            with open('/proc/%d/task/%d/children' % (pid, pid)) as file:
                return [int(child) for child in file.read().split()]
        except OSError:
            return []


def cut(path, synced, chance):
    """To what is durable of it, or more."""
    st = os.lstat(path)
    durable = synced.get(st.st_ino, 0)
    if stat.S_ISREG(st.st_mode) and st.st_size > durable:
        size = durable if chance.random() < 0.7 else chance.randint(durable, st.st_size)
        os.truncate(path, size)


class World:
    def __init__(self, args):
        self.work = args.work
        self.programs = os.path.abspath(args.programs)
        self.mount, self.store = self.work + '/mnt', self.work + '/store'
        self.socket = self.work + '/run/socket'
        for name in ('mnt', 'run', 'tried', 'tmp', 'home'):
            os.mkdir(self.work + '/' + name)
        os.chmod(self.work + '/run', 0o700)
        self.trap = Trap(self.work + '/trap')
        self.env = dict(os.environ, CRASH_WORK=self.work, DJ_KILL_FILE=self.work + '/trap',
                        DJ_CONNECT=self.socket, DJ_LIBEXECDIR=self.programs,
                        TMPDIR=self.work + '/tmp', HOME=self.work + '/home')
        for name in ('DJ', 'DJ_RUN', 'DJ_STORE'):
            self.env.pop(name, None)
        self.env_djd = dict(self.env)
        if args.power:
            self.env_djd.update(LD_PRELOAD=os.path.abspath(args.power), SYNCED=self.work + '/synced')
        self.processes = Processes(self.work)
        self.log = open(self.work + '/programs.log', 'ab')
        self.djd = self.djfs = None
        with open(self.work + '/task.sh', 'w') as file:
            file.write(SCRIPT)
        open(self.work + '/executions', 'w').close()

    def start_djd(self):
        ready, theirs = os.pipe()
        self.djd = subprocess.Popen(
            [self.programs + '/djd', '--store', self.store, '--socket', self.socket,
             '--workers', str(WORKERS), '--resource', 'things=1.5', '--ready-fd', str(theirs)],
            env=self.env_djd, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            pass_fds=(theirs,))
        os.close(theirs)
        came = os.read(ready, 1) == b'\n'
        os.close(ready)
        return came

    def start_djfs(self):
        ready, theirs = os.pipe()
        self.djfs = subprocess.Popen(
            [self.programs + '/djfs', '-f', '--connect', self.socket, '--ready-fd', str(theirs),
             # a disk that others keep busy can make a start long
             '-o', 'wait=%d' % LIMIT, self.mount], env=self.env, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, pass_fds=(theirs,))
        os.close(theirs)
        self.mounted = os.read(ready, 1) == b'\n'
        os.close(ready)
        return self.mounted

    def supervise(self):
        """What has ended is started again, as systemd would; the moment of an end, or None."""
        if self.djd.poll() is not None:
            if self.djd.returncode != -signal.SIGKILL:
                raise Wrong('djd ended with %d' % self.djd.returncode)
            self.start_djd()
        elif self.djfs.poll() is not None:
            # it does not mount without a daemon, and that may have been ended meanwhile
            if self.djfs.returncode not in [-signal.SIGKILL] + [1] * (not self.mounted):
                raise Wrong('djfs ended with %d' % self.djfs.returncode)
            self.start_djfs()

    def await_end(self, pid):
        """Of one that was killed: a busy disk can hold it, and who asks the mount before it is
        started again waits with nobody to do that."""
        for program in (self.djd, self.djfs):
            if program.pid == pid:
                program.wait(LIMIT)

    def without_guard(self):
        return (pid for pid, name, _ in self.processes.each() if name != 'djfs-guard')

    def tell_all(self, number, told):
        new = [pid for pid in self.without_guard() if pid not in told]
        for pid in new:
            told.add(pid)
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        return new

    def cut_power(self, chance):
        """All end at one moment, and what was not synced may be gone. The guard of the mount stays:
        with the machine the mount would go, too."""
        for number in (signal.SIGSTOP, signal.SIGKILL):
            told = set()
            while self.tell_all(number, told): # some are made meanwhile
                pass
        self.djd.wait(LIMIT)
        self.djfs.wait(LIMIT)
        until('the cut', lambda: list(self.without_guard()))
        synced = {}
        with open(self.work + '/synced') as file:
            for line in file:
                inode, size = line.split()
                synced[int(inode)] = int(size)
        for top, _, files in os.walk(self.store):
            for name in files:
                cut(top + '/' + name, synced, chance)

    def dj(self, *words, **more):
        # dj, and the programs that it becomes, are the ordinary ones.
        env = {name: value for name, value in self.env.items() if name != 'DJ_LIBEXECDIR'}
        return subprocess.run(['dj'] + list(words), env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.work,
                              **more)

    def path(self, key, *more):
        return '/'.join([self.mount, 'tasks', key.kind, str(key.n), *more])

    def read(self, key, *more):
        with open(self.path(key, *more), 'rb') as file:
            return file.read()

    def read_now(self, key, *more):
        """The bytes that are there, or None."""
        try:
            fd = os.open(self.path(key, *more), os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ENOENT):
                return None
            raise
        with os.fdopen(fd, 'rb') as file:
            return file.read()

    def status(self):
        with open(self.mount + '/status') as file:
            return dict(line.rstrip('\n').split(' ', 1) for line in file)

    def definitions(self):
        lines = ['[defaults]', 'command = sh {here}/task.sh %s {n}', 'params = n:int', '']
        text = ''
        for kind in COMMANDS + ['ver%d' % i for i in range(THREADS)]:
            text += '[%s]\ncommand = sh {here}/task.sh %s {n}\nparams = n:int\n' % (kind, kind)
            text += 'env.CRASH_WORK = %s\n' % self.work
            text += 'retries = 2\nretry_on = exit:75\n' if kind == 'again' else ''
            # of what it needs there is not enough for all; a caller reserves it itself
            text += 'resources = things=0.75\n' if kind in ('large', 'again') else ''
            text += 'version = 1\n' if kind.startswith('ver') else ''
        return text

    def library(self):
        source, made = self.work + '/threads.c', self.work + '/threads.so'
        with open(source, 'w') as file:
            file.write(LIBRARY)
        here = os.path.dirname(os.path.abspath(__file__))
        subprocess.run(['cc', '-shared', '-fPIC', '-I' + here + '/../../lib',
                        '-DWORK="%s"' % self.work, '-o', made, source], check=True)
        return made

    def begin(self):
        with open(self.work + '/tasks.ini', 'w') as file:
            file.write(self.definitions())
        if not self.start_djd() or not self.start_djfs():
            raise Wrong('the programs do not start')
        for tasks in (self.work + '/tasks.ini', self.library()):
            done = self.dj('define', tasks)
            if done.returncode != 0:
                raise Wrong('define: %s' % done.stderr.decode())

    def end(self):
        self.trap.disarm()
        commands = [['umount', '-f', self.mount], ['umount', '-l', self.mount]] \
            if os.geteuid() == 0 else [['fusermount3', '-uz', self.mount]]
        for command in commands:
            subprocess.run(command, stderr=subprocess.DEVNULL)
        for program in (self.djfs, self.djd):
            if program is not None and program.poll() is None:
                program.terminate()
                try:
                    program.wait(10)
                except subprocess.TimeoutExpired:
                    program.kill()
        end = time.monotonic() + 5
        while time.monotonic() < end and list(self.processes.each()):
            time.sleep(0.05)
        for pid, _, _ in list(self.processes.each()):
            os.kill(pid, signal.SIGKILL)
