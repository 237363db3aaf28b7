# ---- the connection ------------------------------------------------------------------------------


class _Client:
    """A connection, which all threads share: who holds `lock` talks. Of those that wait one leads:
    it polls without the lock, takes what has come, and tells the others."""

    def __init__(self):
        self.lib = _library()
        self.lock = threading.RLock()  # by itself: a Condition's `with` can be interrupted
        self.news = threading.Condition(self.lock)
        self.flying = {}   # by number: what is under way
        self.numbers = itertools.count(1)
        self.leading, self.held, self.used = False, 0, time.monotonic()
        self.defined = set()
        self.bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        name = os.path.basename(sys.argv[0] or "python3") if sys.argv else "python3"
        self.dj = self.lib.new(name.encode("utf-8", "replace"))
        rc = self.lib.connect_to(self.dj, None, 0 if _in_run() else START_DAEMON)
        if rc < 0:
            sentence = self.lib.error(self.dj).decode("utf-8", "replace")
            self.close()
            raise _error(rc, sentence)

    def close(self):
        with self.lock:
            if self.dj:
                self.lib.free(self.dj)
                os.close(self.bell)
            self.dj = None
            for pending in list(self.flying.values()):
                pending.lose()
            self.flying.clear()

    def forget(self):
        """After a fork: the connection is the parent's."""
        fd = self.lib.fd(self.dj) if self.dj else -1
        if fd >= 0:
            os.close(fd)
        for pending in list(self.flying.values()):
            pending.lose()

    def is_alive(self):
        if self.dj is None or not self.lib.is_connected(self.dj):
            return False
        if self.flying or time.monotonic() - self.used < 1:
            return True
        with self.lock:  # nothing is under way: what there is to read is its end
            self.used = time.monotonic()
            self.lib.next(self.dj, 0)
            ready = select.poll()
            ready.register(self.lib.fd(self.dj), select.POLLIN)
            return not ready.poll(0)

    def check(self, rc):
        if rc < 0:
            raise _error(rc, self.lib.error(self.dj).decode("utf-8", "replace"))
        return rc

    def call(self, name, *args):
        """A short call of dj.h. What came in meanwhile is not seen by who leads: it is woken."""
        with self.lock:
            try:
                return self.check(getattr(self.lib, name)(self.dj, *args))
            finally:
                self.wake()

    def text(self, name, *args):
        out = ctypes.c_void_p()
        with self.lock:
            self.call(name, *args, ctypes.byref(out))
            value = ctypes.string_at(out.value)
            self.lib.mem_free(out)
        return value

    def wake(self):
        if self.leading:
            os.eventfd_write(self.bell, 1)

    def request(self, made, *args):
        request = made(*args)
        if not request:
            raise _error(-self.lib.error_code(self.dj), self.lib.error(self.dj).decode())
        return request

    def post(self, request, pending):
        with self.lock:
            number = next(self.numbers)
            self.lib.request_set_cookie(request, number)
            self.flying[number] = pending
            if self.lib.submit(request) < 0:
                del self.flying[number]
                error = _error(-self.lib.error_code(self.dj), self.lib.error(self.dj).decode())
                self.lib.request_free(request)
                raise error
            if not self.held:
                self.take()
                self.wake()

    def hold(self, on):
        """What is posted meanwhile goes together."""
        with self.lock:
            self.held += 1 if on else -1
            if not self.held:
                self.take()
                self.wake()

    def take(self):
        pending = None
        try:
            while self.dj is not None and self.flying:
                request = self.lib.next(self.dj, 0)
                if not request:
                    break
                pending = self.flying.pop(self.lib.request_cookie(request), None)
                if pending:
                    pending.take(self.lib, request)
                self.lib.request_free(request)
                self.news.notify_all()
        except BaseException:  # Ctrl-C: what had come may be lost, so it is asked for again
            for each in [*self.flying.values(), pending]:
                if each and not each.over:
                    each.lose()
            self.flying.clear()
            raise
        self.used = time.monotonic()

    def wait(self, pending, seconds=None, idle=None):
        """False when the time is over. idle is called each tenth of a second."""
        end = None if seconds is None else time.monotonic() + seconds
        with self.lock:
            self.take()
            while not pending.over:
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    return False
                if self.leading:
                    self.news.wait(1 if left is None else min(left, 1))  # it may be interrupted
                elif not self.lead(0.1 if idle else left, left) and idle:
                    idle()
                self.take()
        return True

    def lead(self, *limits):
        ready = select.poll()
        ready.register(self.lib.fd(self.dj), self.lib.events(self.dj))
        ready.register(self.bell, select.POLLIN)
        late = self.lib.poll_timeout(self.dj)
        limits = [x * 1000 for x in limits if x is not None] + ([late] if late >= 0 else [])
        self.leading = True
        try:
            self.lock.release()
            came = ready.poll(math.ceil(min(limits)) if limits else None)
        finally:
            try:
                self.lock.acquire()
            finally:
                self.leading = False
                self.news.notify_all()
        if any(fd == self.bell for fd, _ in came):
            os.eventfd_read(self.bell)
        return came


_current_client, _client_lock = None, threading.RLock()
_importing, _import_ended = False, False


def _end_import():
    global _import_ended
    _import_ended = True  # also when the file itself catches it
    raise _EndOfImport


def _in_run():
    return bool(os.environ.get("DJ_RUN"))


def _client():
    global _current_client
    if _importing:
        _end_import()
    with _client_lock:
        if _current_client is None or not _current_client.is_alive():
            if _current_client is not None:
                _current_client.close()
            _current_client = None
            _current_client = _Client()
        return _current_client


def _close_client():
    global _current_client
    with _client_lock:
        if _current_client is not None:
            _current_client.close()
        _current_client = None


def _after_fork():
    global _current_client, _client_lock
    _client_lock = threading.RLock()
    if _current_client is not None:
        _current_client.forget()
    _current_client = None
    _Now.files = weakref.WeakSet()  # to be closed by the parent


os.register_at_fork(after_in_child=_after_fork)


class _Pending:
    """A request whose end alone counts."""

    def __init__(self):
        self.over, self.code, self.sentence, self.data = False, 0, "", b""

    def take(self, lib, request):
        self.code = lib.request_code(request)
        self.sentence = lib.request_error(request).decode("utf-8", "replace")
        self.data = _bytes_of(lib.request_bytes, request) if self.code == 0 else b""
        self.over = True

    def lose(self):
        self.over, self.code, self.sentence = True, -errno.ENOTCONN, "the daemon went away"

    def wait(self, client):
        client.wait(self)
        if self.code < 0:
            raise _error(self.code, self.sentence)
        return self.data


def _bytes_of(function, request):
    at, length = ctypes.c_void_p(), ctypes.c_size_t()
    if function(request, ctypes.byref(at), ctypes.byref(length)) < 0 or not length.value:
        return b""
    return ctypes.string_at(at.value, length.value)
