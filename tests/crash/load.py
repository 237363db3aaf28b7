"""The load, and the oracle: what its readers know."""
import os, random, stat, threading, time

from world import CHILDREN, KEYS, KINDS, LIMIT, THREADS, Wrong, big_file, content, now


class Key:
    """What is known of one call."""

    def __init__(self, kind, n):
        self.kind, self.n = kind, n
        self.values = []       # ids that readers had, oldest first, since it was deleted last
        self.current = None    # the one that it has now, None when it has no valid result
        self.pending = set()   # what was asked for and not answered since it was compared last
        self.children = {}     # id: what it said of its children
        self.history = []      # ids of all its instances, when they were compared last,
        self.failed = []       # and of what is kept of those that failed
        self.touched = True    # since then
        self.done = []         # what was done with it lately, in words

    def name(self):
        return '%s/%d' % (self.kind, self.n)

    def note(self, text):
        self.done = self.done[-15:] + ['%.3f %s' % (now() / 1e9 % 1000, text)]


def check_result(key, data):
    """The id in a result that is whole."""
    words = data.split(b'\n', 1)[0].split(b' ')
    if len(words) != 3 or words[0] != key.kind.encode() or words[1] != b'%d' % key.n:
        raise Wrong('%s gives %r' % (key.name(), data[:80]))
    ident = words[2].decode()
    want = content(key.kind, key.n, ident)
    if key.kind in CHILDREN:
        child = CHILDREN[key.kind][0]
        if not data.startswith(want + b'%s %d ' % (child.encode(), key.n)) or \
                data.count(b'\n') != 2:
            raise Wrong('%s gives %r' % (key.name(), data[:200]))
    elif data != want:
        raise Wrong('%s gives %d bytes and not the %d that it wrote' %
                    (key.name(), len(data), len(want)))
    return ident


def fail(error):
    raise error


def check_files(world, key, *where):
    """The files of an instance, with the id in its result."""
    folder = world.path(key, *where, 'files')
    with open(world.path(key, *where, 'result'), 'rb') as file:
        ident = check_result(key, file.read())
    have = {}
    for top, folders, files in os.walk(folder, onerror=fail):
        for name in folders + files:
            path = os.path.join(top, name)
            have[os.path.relpath(path, folder)] = os.lstat(path).st_mode
    want = {'a': stat.S_IFREG | 0o640, 'd': stat.S_IFDIR | 0o755, 'd/e': stat.S_IFDIR | 0o755,
            'd/big': stat.S_IFREG | 0o750, 'd/e/link': stat.S_IFLNK | 0o777}
    if {name: oct(mode & ~0o222) for name, mode in have.items() if not stat.S_ISLNK(mode)} != \
            {name: oct(mode & ~0o222) for name, mode in want.items() if not stat.S_ISLNK(mode)} or \
            'd/e/link' not in have:
        raise Wrong('%s %s has %s' % (key.name(), where, {k: oct(v) for k, v in have.items()}))
    with open(folder + '/d/big', 'rb') as file:
        if file.read() != big_file(ident):
            raise Wrong('%s: d/big is another one' % key.name())
    with open(folder + '/d/e/link', 'rb') as file:
        if file.read() != b'a %s\n' % ident.encode():
            raise Wrong('%s: a is another one' % key.name())


class Load:
    """THREADS threads, each with keys of its own, and what they know."""

    def __init__(self, world, seed):
        self.world = world
        self.stopping = threading.Event()
        self.lenient = False      # an error may be the doing of what was killed
        self.operations = []      # [begin, end or 0, what]
        self.problems = []
        self.keys = [[Key(kind, 10 * i + k) for kind in KINDS + ['ver%d' % i]
                      for k in range(KEYS)] for i in range(THREADS)]
        self.memos = [dict() for _ in range(THREADS)]
        self.random = [random.Random('%s %d' % (seed, i)) for i in range(THREADS)]
        self.threads = []

    def all_keys(self):
        return [key for keys in self.keys for key in keys]

    def start(self):
        self.stopping.clear()
        self.lenient = False
        self.operations.clear()
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True)
                        for i in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        end = time.monotonic() + LIMIT
        for thread in self.threads:
            thread.join(max(0.1, end - time.monotonic()))
            if thread.is_alive():
                raise Wrong('still waits: %s' % [what for _, end, what in self.operations
                                                 if end == 0])
        if self.problems:
            raise Wrong('; '.join(self.problems))

    def in_flight(self, when):
        return [what for begin, end, what in list(self.operations)
                if begin < when and (end == 0 or end > when)]

    def run(self, i):
        while not self.stopping.is_set():
            operation = [now(), 0, '']
            self.operations.append(operation)
            try:
                self.step(i, operation)
            except Wrong as problem:
                self.problems.append(str(problem))
            except OSError as error:
                self.failed(operation[2], str(error))
                time.sleep(0.01)
            operation[1] = now()

    def failed(self, what, text):
        # a run that asks by `dj get` fails when its daemon goes
        if not self.lenient and what.startswith('read') and not what.startswith('read ask/'):
            self.problems.append('%s: %s; %s' % (what, text, self.told(what.split()[1])))

    def told(self, name):
        """Why it failed, in the daemon's words."""
        try:
            with open('%s/tasks/%s/error' % (self.world.mount, name)) as file:
                return file.read().strip()
        except OSError as error:
            return str(error)

    def step(self, i, operation):
        dice = self.random[i]
        key = dice.choice(self.keys[i])
        kind = dice.choices(['read', 'get', 'force', 'delete', 'invalidate', 'bump', 'define',
                             'memo'], [50, 6, 8, 9, 4, 3, 2, 5])[0]
        if len(key.values) > 3 and not key.pending:
            kind = 'delete'   # its history is read after each cycle
        elif kind == 'bump':
            key = dice.choice([key for key in self.keys[i] if key.kind.startswith('ver')])
        operation[2] = '%s %s' % (kind, key.name())
        key.note(kind)
        try:
            getattr(self, kind)(i, key)
        except OSError as error:
            key.note('%s: %s' % (kind, error))
            raise

    def seen(self, key, data):
        """A reader had this: the one moment at which the oracle learns of a result."""
        ident = check_result(key, data)
        key.note('has ' + ident)
        if key.current is not None and not key.pending - {'read'} and ident != key.current:
            raise Wrong('%s was %s and is %s' % (key.name(), key.current, ident))
        if ident not in key.values:
            key.values.append(ident)
        key.current = ident
        key.pending.discard('read')
        key.pending.discard('force')
        key.children[ident] = data.split(b'\n')[1] if key.kind in CHILDREN else None

    def parents(self, i, key):
        return [other for other in self.keys[i]
                if other.n == key.n and key.kind in CHILDREN.get(other.kind, [])]

    def want(self, i, key):
        """It may be computed from here on, and so may what it calls."""
        key.pending.add('read')
        key.touched = True
        for child in self.keys[i]:
            if child.n == key.n and child.kind in CHILDREN.get(key.kind, []):
                child.pending.add('read')
                child.touched = True

    def read(self, i, key):
        self.want(i, key)
        self.seen(key, self.world.read(key, 'result'))
        if key.kind == 'files':
            check_files(self.world, key)

    def get(self, i, key):
        self.want(i, key)
        done = self.world.dj('get', key.kind, str(key.n))
        if done.returncode == 0:
            self.seen(key, done.stdout)

    def control(self, key, word):
        with open(self.world.path(key, 'ctl'), 'w') as file:
            file.write(word + '\n')

    def disturb(self, i, key, what):
        key.pending.add(what)
        key.touched = True
        for parent in self.parents(i, key):
            parent.pending.add('child')
            parent.touched = True

    def force(self, i, key):
        self.disturb(i, key, 'force')
        self.want(i, key)
        self.control(key, 'force')
        self.seen(key, self.world.read(key, 'result'))

    def delete(self, i, key):
        if key.current is None or key.pending:
            return
        self.disturb(i, key, 'delete')
        os.rmdir(self.world.path(key))
        key.pending.discard('delete')
        key.current = None
        key.values = []

    def invalidate(self, i, key):
        if key.current is None or key.pending:
            return
        self.disturb(i, key, 'invalidate')
        self.control(key, 'invalidate')
        key.pending.discard('invalidate')
        key.current = None

    def bump(self, i, key):
        mine = [other for other in self.keys[i] if other.kind == key.kind]
        for other in mine:
            other.pending.add('invalidate')
            other.touched = True
        if self.world.dj('bump', key.kind).returncode == 0:
            for other in mine:
                other.current = None
                other.pending.discard('invalidate')

    def define(self, i, key):
        with open(self.world.work + '/tasks.ini') as file:
            section = next('[' + part for part in file.read().split('[')
                           if part.startswith('again]'))
        path = '%s/define-%d.ini' % (self.world.work, i)
        with open(path, 'w') as file:
            file.write(section)
        self.world.dj('define', path)

    def memo(self, i, key):
        word = 'memo%d' % self.random[i].randrange(10 * i, 10 * i + 3)
        done = self.world.dj('memo', 'sh', self.world.work + '/task.sh', 'memo', word[4:])
        if done.returncode == 0:
            if self.memos[i].get(word, done.stdout) != done.stdout:
                raise Wrong('%s is another one' % word)
            self.memos[i][word] = done.stdout
