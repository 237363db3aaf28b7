# ---- what the tree has of runs -------------------------------------------------------------------

# So many logs of runs that a run called are shown.
_MANY = 1000
_seen = set()  # instances whose log was shown


def _show(data):
    if data:
        sys.stdout.flush()
        sys.stderr.write(data.decode("utf-8", "replace"))
        sys.stderr.flush()


def _show_called(run):
    """The logs of what it called, and was computed for it: those have later numbers than it."""
    left = _MANY
    try:
        stack = _called(run.path)[::-1]
        while stack and left > 0:
            path = stack.pop()
            number = json.loads(_client().text("run_text", path.encode(), b"meta"))["instance"]
            if number > run.instance and number not in _seen:
                left -= 1
                _seen.add(number)
                _show(_log_of(path))
                stack += _called(path)[::-1]
    except (Error, ValueError, KeyError):
        pass  # it was deleted meanwhile, or is nobody's to read


def _log_of(path):
    data = _client().text("run_text", path.encode(), b"log")
    return data + b"\n" if data else b""


def _called(path):
    client = _client()
    links = [client.text("link", f"{path}/deps/{name}".encode()).decode()
             for name, _ in _entries(client, f"{path}/deps")]
    return [posixpath.normpath(posixpath.join(path, "deps", link)) for link in links]


def _entries(client, path):
    """Names in a folder of the tree, and whether each is a folder."""
    found = []
    with client.lock:
        folder = client.lib.dir_open(client.dj, path.encode())
        if not folder:
            client.check(-client.lib.error_code(client.dj))
        stat = _Stat()
        while client.lib.dir_next(folder, ctypes.byref(stat)) == 1:
            found.append((client.lib.dir_name(folder).decode("utf-8", "surrogateescape"),
                          stat.mode & 0o170000 == 0o040000))
        client.lib.dir_close(folder)
        client.wake()
    return found


def _walk(path, below=""):
    for name, is_folder in _entries(_client(), path):
        if is_folder:
            yield from _walk(f"{path}/{name}", f"{below}{name}/")
        else:
            yield below + name


def _read_file(path, name):
    """A file of the tree in memory, a large one in a temporary file."""
    client, piece = _client(), ctypes.create_string_buffer(1 << 20)
    into = tempfile.SpooledTemporaryFile(max_size=1 << 24)
    with client.lock:
        file = client.lib.file_open(client.dj, path.encode("utf-8", "surrogateescape"), 0)
        if not file:
            code, sentence = client.lib.error_code(client.dj), client.lib.error(client.dj).decode()
            into.close()
            if code in (errno.ENOENT, errno.ENOTDIR):
                raise FileNotFoundError(errno.ENOENT, "the run left no such file", str(name))
            raise _error(-code, sentence)
        count = 1
        while count > 0:
            count = client.lib.file_read(file, piece, len(piece))
            into.write(piece.raw[:max(count, 0)])
        client.lib.file_close(file)
        client.wake()
    if count < 0:
        raise _error(int(count), f"{path}: {os.strerror(-int(count))}")
    into.seek(0)
    if not into._rolled:  # a plain one: all that reads files takes it
        return io.BytesIO(into.read())
    into.rollover()
    return into._file
