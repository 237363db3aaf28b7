"""What is there against what the oracle knows, after everything has come to rest."""
import hashlib, os, random, stat

from load import Key, check_files, check_result
from world import CHILDREN, THREADS, WORKERS, Wrong, big_file, content, until


def number(pid):
    """Of a host, or nothing when it is gone."""
    try:
        with open('/proc/%d/cmdline' % pid, 'rb') as file:
            words = file.read().split(b'\0')
    except OSError:
        return ''
    return words[words.index(b'--number') + 1].decode() if b'--number' in words else ''


def slots(work, others):
    """What is left in the slots of a folder, or beside them and the others; None: nothing is."""
    for slot in set(os.listdir(work)) - others:
        if not slot.isdigit() or int(slot) >= 4 * WORKERS + THREADS:
            return '%s/%s' % (work, slot)
        for name in os.listdir(work + '/' + slot):
            path = '%s/%s/%s' % (work, slot, name)
            if name not in ('state', 'out', 'err', 'arg', 'cwd', 'tmp'):
                return path
            if name in ('out', 'err') and os.stat(path).st_size != 0:
                return '%s has %d bytes' % (path, os.stat(path).st_size)
            # the arguments of the last run are written over by those of the next
            if name in ('arg', 'cwd', 'tmp') and set(os.listdir(path)) - {'args.json'}:
                return '%s has %s' % (path, os.listdir(path))
    return None


class Checks:
    """After everything has come to rest."""

    def __init__(self, world, load):
        self.world, self.load = world, load
        self.digests = {}   # of content above 1 MiB: the key and id that it belongs to
        self.copies = {}    # of such content in a failed run that copied it: that run's key
        self.read_upto = 0
        self.executions = {}

    def all(self, full):
        """Without full, calls that nobody has touched are not looked at."""
        until('rest', self.unrest)
        self.read_executions()
        touched = [key for key in self.load.all_keys() if key.touched or full]
        for key in touched:
            key.history = self.check_key(key)
            key.touched = False
        kept = {key: key.history + key.failed for key in self.load.all_keys()}
        for i, memos in enumerate(self.load.memos):
            for word, data in memos.items():
                done = self.world.dj('memo', '--cached', 'sh', self.world.work + '/task.sh',
                                     'memo', word[4:])
                if done.stdout != data:
                    raise Wrong('%s was %r and is %r' % (word, data, done.stdout or done.stderr))
        self.check_edges(touched)
        until('content', lambda: self.content_problem(kept))
        until('leftovers', self.leftovers)
        until('resources', self.resources)
        until('the store', self.fsck)
        self.probe()

    def unrest(self):
        try:
            status = self.world.status()
        except OSError as error:
            return str(error)
        busy = [name for name in ('busy', 'queued', 'waiting') if status[name] != '0']
        if busy:
            return '%s: %s' % (busy, status)
        for key in self.load.all_keys():
            if not key.touched:
                continue
            word = self.world.read(key, 'status').decode().strip()
            if word in ('running', 'queued', 'waiting'):
                return '%s is %s' % (key.name(), word)
        return None

    def read_executions(self):
        with open(self.world.work + '/executions') as file:
            file.seek(self.read_upto)
            text = file.read()
        self.read_upto += len(text)
        for line in text.splitlines():
            kind, n, ident = line.split(' ')
            self.executions[ident] = (kind, int(n))
            big = big_file(ident) if kind == 'files' else content(kind, int(n), ident)
            if kind in ('files', 'large'):
                self.digests[hashlib.blake2b(big, digest_size=32).hexdigest()] = \
                    (kind, int(n), ident)

    def history(self, key):
        """Ids of all instances with a result, oldest first; and of those that failed with files."""
        ids = []
        key.failed = []
        for n in range(1, 100000):
            if not os.path.isdir(self.world.path(key, 'history', str(n))):
                return ids
            data = self.world.read_now(key, 'history', str(n), 'result')
            if data is not None:
                ids.append(check_result(key, data))
                if key.kind == 'files':
                    check_files(self.world, key, 'history', str(n))
            elif key.kind == 'files':
                big = self.world.read_now(key, 'history', str(n), 'files', 'd', 'big')
                if big and len(big) > 1 << 20:
                    key.failed.append(self.failed(key, big))
            elif key.kind == 'sum':
                copy = self.world.read_now(key, 'history', str(n), 'files', 'copy')
                if copy and len(copy) > 1 << 20:
                    key.failed.append(self.copied(key, copy))
        return ids

    def failed(self, key, big):
        """Of an execution that wrote this by then, which may not be all of it: its id."""
        ident = big.split(b'\n')[0][4:].decode()
        self.digests = {digest: owner for digest, owner in self.digests.items()
                        if owner[2] != ident}
        self.digests[hashlib.blake2b(big, digest_size=32).hexdigest()] = (key.kind, key.n, ident)
        return ident

    def copied(self, key, copy):
        """Of a result that a failed run has a copy of, maybe not a whole one: its id."""
        digest = hashlib.blake2b(copy, digest_size=32).hexdigest()
        self.copies[digest] = key
        return self.digests.setdefault(digest, (key.kind, key.n, digest))[2]

    def check_key(self, key):
        """Its ids; what the oracle knows is made certain again by what is there."""
        status = self.world.read(key, 'status').decode().strip()
        data = self.world.read_now(key, 'result')
        ident = None if data is None else check_result(key, data)
        history = self.history(key)
        tell = '%s is %s with %s of %s; readers had %s, last %s, with %s under way; %s' % (
            key.name(), status, ident, history, key.values, key.current, key.pending,
            ', '.join(key.done))
        key.note('compared: %s %s of %s' % (status, ident, history))

        for each in history:
            if self.executions.get(each) != (key.kind, key.n):
                raise Wrong('never happened: ' + tell)
        if len(set(history)) != len(history):
            raise Wrong('twice: ' + tell)
        if not key.pending - {'read'} and key.current is not None and ident != key.current:
            raise Wrong('lost: ' + tell)
        if not key.pending and key.current is None and ident is not None:
            raise Wrong('back again: ' + tell)
        if ident is not None and ident != key.current and \
                not key.pending & {'read', 'force', 'child', 'delete'}:
            raise Wrong('nobody asked for it: ' + tell)
        if 'delete' in key.pending and not set(key.values) <= set(history):
            key.values = []   # it was deleted
        rest = iter(history)
        if not all(value in rest for value in key.values):
            raise Wrong('not what happened: ' + tell)
        if (status == 'done') != (ident is not None) and status != 'failed':
            raise Wrong('status: ' + tell)
        if ident is not None and ident not in key.values:
            key.values.append(ident)
        key.current = ident
        key.pending.clear()
        if ident is not None and data is not None and key.kind in CHILDREN:
            key.children[ident] = data.split(b'\n')[1]
        return history

    def names(self, key, folder):
        return set(os.listdir(self.world.path(key, folder)))

    def check_edges(self, keys):
        by_name = {(key.kind, key.n): key for key in self.load.all_keys()}
        for key in keys:
            deps = self.names(key, 'deps')
            want = {'%s,%d' % (child, key.n) for child in CHILDREN.get(key.kind, [])}
            if key.current is not None and deps != want:
                raise Wrong('%s called %s and not %s' % (key.name(), deps, want))
            for name in deps:
                child = by_name[name.split(',')[0], int(name.split(',')[1])]
                if key.current is not None and \
                        '%s,%d' % (key.kind, key.n) not in self.names(child, 'dependents'):
                    raise Wrong('%s does not know that %s called it' % (child.name(), key.name()))
            for name in self.names(key, 'dependents'):
                parent = by_name.get((name.split(',')[0], int(name.split(',')[1])))
                if parent is None or key.kind not in CHILDREN.get(parent.kind, []):
                    raise Wrong('%s has the dependent %s' % (key.name(), name))
            if key.current is not None and key.kind in CHILDREN:
                kind, n, ident = key.children[key.current].decode().split(' ')
                if self.executions.get(ident) != (kind, int(n)):
                    raise Wrong('%s read %s' % (key.name(), ident))

    def content_problem(self, kept):
        """Files of content against references: each there, none too many."""
        top = self.world.store + '/content'
        have = {name for folder in os.listdir(top) for name in os.listdir(top + '/' + folder)}
        ids = {ident: key for key, idents in kept.items() for ident in idents}
        gone = {key for key, idents in kept.items() if not idents}
        for name in have:
            if name not in self.digests:
                return 'content that nobody made: ' + name
            kind, n, ident = self.digests[name]
            # what was deleted can be brought back until its call is computed again
            if ident not in ids and self.copies.get(name) not in gone and \
                    not any(k.kind == kind and k.n == n for k in gone):
                return 'left over: %s of %s/%d' % (name, kind, n)
        for name, (kind, n, ident) in self.digests.items():
            if ident in ids and name not in have:
                return 'lost: %s of %s/%d' % (name, kind, n)
        for name in have:
            path = '%s/%s/%s' % (top, name[:2], name)
            if os.lstat(path).st_mode != stat.S_IFREG | 0o400 or os.lstat(path).st_nlink != 1:
                return '%s can be changed' % name
        return None

    def fsck(self):
        """Records, digests, edges, references and counters, by the store's own means."""
        done = self.world.dj('-q', 'fsck', '--read-data')
        return None if done.returncode == 0 else (done.stdout + done.stderr).decode()

    def resources(self):
        """Nobody runs, so nobody holds anything, and nobody waits."""
        path = self.world.mount + '/sessions/default/status'
        with open(path) as file:
            text = file.read()
        want = 'workers %d\nbusy 0\nqueued 0\nwaiting 0\nresource things 0 of 1.5\n' % WORKERS
        return None if text == want else text

    def leftovers(self):
        found = list(self.world.processes.each())
        names = sorted(name for _, name, _ in found if name not in ('dj-reaper', 'dj-host'))
        if names != ['djd', 'djfs', 'djfs-guard', 'djw']:
            return 'processes %s' % found
        hosts = {'host-' + number(pid) for pid, name, _ in found if name == 'dj-host'}
        work = self.world.store + '/work'
        others = {'lock', 'sessions', 'trash'} | hosts
        problem = None
        for place in [work] + [work + '/' + host for host in hosts & set(os.listdir(work))]:
            problem = problem or slots(place, {'culprit', 'trash'} if place != work else others)
            if os.path.isdir(place + '/trash') and os.listdir(place + '/trash'):
                problem = '%s/trash has %s' % (place, os.listdir(place + '/trash'))
        if problem:
            return problem
        run = sorted(os.listdir(self.world.work + '/run'))
        if run != ['socket', 'socket.generations', 'socket.mount']:
            return 'run has %s' % run
        if os.listdir(self.world.store + '/content/incoming'):
            return 'incoming is not empty'
        return None

    def probe(self):
        """What is new is computed, by the mount and by the socket."""
        key = Key('small', 1000 + random.randrange(1 << 40))
        data = self.world.read(key, 'result')
        check_result(key, data)
        if self.world.dj('get', '--cached', 'small', str(key.n)).stdout != data:
            raise Wrong('the socket and the mount differ')
