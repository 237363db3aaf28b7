# ---- inside a run, and beside it -----------------------------------------------------------------


class _Now:
    """The run that this interpreter has: its folder, its name, the files that it writes."""

    folder = name = None
    files = weakref.WeakSet()


def run_id():
    """The run that this is in, as tasks/TASK/NAME; None outside of runs."""
    if _Now.name is None and _in_run():
        _Now.name = _client().text("link", b"self").decode()
    return _Now.name


def open(path, mode="r", *args, **kwargs):
    """A file of the run that this is in: what it writes here is kept, and read by Run.open().
    Folders are made. Outside of a run it is Python's own."""
    if not _in_run() or isinstance(path, int):
        return io.open(path, mode, *args, **kwargs)
    folder = _Now.folder or os.getcwd()
    name = os.path.normpath(os.path.join(folder, os.fspath(path)))
    if not name.startswith(folder.rstrip("/") + "/"):
        raise Error(f"{path}: a run's files are in its working directory", errno.EACCES)
    if any(letter in mode for letter in "wax"):
        os.makedirs(os.path.dirname(name), exist_ok=True)
    file = io.open(name, mode, *args, **kwargs)
    _Now.files.add(file)
    return file


def _close_files():
    """What is not closed is not all written, and would be written to when it is stored."""
    while _Now.files:
        _Now.files.pop().close()


class _Reserved:
    """What reserve() got; as a context manager it is given back."""

    def __init__(self, resources):
        self.resources = resources

    def __enter__(self):
        return self

    def __exit__(self, *_):
        release(**self.resources)


def reserve(**resources):
    """Parts of the session's resources for the run that this is in: waits without a worker."""
    client, pending = _client(), _Pending()
    text = _pairs(**resources).encode()
    with client.lock:
        client.post(client.request(client.lib.request_reserve, client.dj, text), pending)
    pending.wait(client)
    return _Reserved(resources)


def release(**resources):
    """Gives back some of what the run has; without arguments all."""
    _client().call("release", _pairs(**resources).encode() if resources else None)


reserve_resources, free_resources = reserve, release


def progress(done, total=None):
    """How far the run is: progress(3, 10), or a text such as "30%"."""
    text = str(done) if total is None else f"{done}/{total}"
    if _in_run():
        _client().call("progress", text.encode())


class lock:
    """`with lock("name"):` while nobody else has that lock, in any process (`dj lock` holds it for
    us). shared=True: among others that share it; now=True: Error (EBUSY) instead of waiting."""

    def __init__(self, name, shared=False, now=False):
        self.words = ["lock", *["--shared"] * bool(shared), *["-n"] * bool(now), "--", name]
        self.name, self.holders = name, []

    def acquire(self):
        _client()
        holder = subprocess.Popen([_program(), *self.words, "sh", "-c", "echo && exec cat"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        if not holder.stdout.read(1):
            sentence = holder.communicate()[1].decode("utf-8", "replace").strip()
            raise Error(sentence.removeprefix("dj: "),
                        {75: errno.EBUSY, 2: errno.EINVAL}.get(holder.returncode, errno.EIO))
        self.holders.append(holder)
        return self

    def release(self):
        self.holders.pop().communicate()

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *_):
        self.release()


Lock = lock


def setup(max_workers=None, **resources):
    """Connects, and starts your daemon when none runs. With numbers the default session has them
    from now on, as by `dj session default`. In a run it does nothing."""
    if _importing or _in_run():
        return
    client = _client()
    changes = ([] if max_workers is None else [("workers", max_workers)]) + list(resources.items())
    for name, value in changes:
        client.call("session_set", b"default", f"{name}={_number(value)}".encode())


def _program():
    near = [os.path.join(place, below, "dj") for place in _places() for below in ("", "bin")]
    for place in [shutil.which("dj"), *near]:
        if place and os.path.isfile(place) and os.access(place, os.X_OK):
            return place
    raise Error("dj is not in PATH", errno.ENOENT)


def _dj(*words):
    """A command of dj, for the daemon that we talk to."""
    _client()
    ended = subprocess.run([_program(), *words], stdin=subprocess.DEVNULL, capture_output=True,
                           check=False)
    if ended.returncode:
        sentence = ended.stderr.decode("utf-8", "replace").strip().removeprefix("dj: ")
        raise Error(sentence or f"dj {words[0]} failed", errno.EIO)


def backup(folder="dj_backups"):
    """What is stored, and not in that folder yet, as archives: `dj sync --push FOLDER`."""
    _client()
    os.makedirs(folder, exist_ok=True)
    _dj("sync", "--push", os.path.abspath(folder))


def sync_backups(folder="dj_backups"):
    """What is in that folder, and not stored yet, taken in: `dj sync --pull FOLDER`."""
    _dj("sync", "--pull", os.path.abspath(folder))
