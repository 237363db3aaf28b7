# ---- runs ----------------------------------------------------------------------------------------


class Run:
    """A call under way, or ended. get() waits and gives the result of the function."""

    def __init__(self, task, arguments, how, path=None):
        self.task, self.arguments, self._how, self._path = task, arguments, dict(how), path
        self._words = task.words(arguments) if task else []
        self.over, self._code, self._sentence, self._data = False, 0, "", b""
        self._log, self._told, self._shown, self._follow = b"", 0, False, None
        self.instance, self.computed, self._again = 0, False, True
        self._client = self._request = None
        self._send()

    def _send(self):
        client = self._client = _client()
        lib, how = client.lib, {**(self.task.rules if self.task else {}), **self._how}
        if self.task:
            self.task.define(client)
        with client.lock:
            request = client.request(lib.request_get, client.dj,
                                     (self.task.name if self.task else self._path).encode())
            for word in self._words:
                self._set(lib.request_add_bytes, request, word, len(word))
            flags = sum(flag for name, flag in (("force", FORCE), ("incognito", INCOGNITO),
                                                ("cached", CACHED)) if how.get(name))
            self._set(lib.request_set_flags, request, flags | (0 if _in_run() else FOLLOWED))
            if how.get("timeout") is not None:
                self._set(lib.request_set_timeout, request, math.ceil(how["timeout"] * 1000))
            for name in ("launch", "session", "ignore", "keep"):
                value = _text_of(how.get(name))
                if value:
                    value = ",".join(_names(value)) if name in ("ignore", "keep") else value
                    self._set(getattr(lib, "request_set_" + name, None) or
                              getattr(lib, "request_" + name), request, value.encode())
            self._request = request
            client.post(request, self)

    def _set(self, function, request, *args):
        if function(request, *args) < 0:
            lib, client = self._client.lib, self._client
            error = _error(-lib.error_code(client.dj), lib.error(client.dj).decode())
            lib.request_free(request)
            raise error

    # What the connection tells.

    def take(self, lib, request):
        self._request = None
        self._code = lib.request_code(request)
        self._sentence = lib.request_error(request).decode("utf-8", "replace")
        self.instance = lib.request_instance(request)
        self.computed = lib.request_computed(request) != 0
        self._log += _bytes_of(lib.request_log, request)
        if self._code == 0:
            self._data = _bytes_of(lib.request_bytes, request)
        self.over = True

    def lose(self):
        self._request = None
        self.over, self._code, self._sentence = True, -errno.ENOTCONN, "the daemon went away"

    # Waiting.

    def join(self, timeout=None):
        """Waits until it has ended, also when it failed. Timeout after so many seconds."""
        if _importing:
            _end_import()
        if self.over and self._code == -errno.ENOTCONN and self._again:
            self.over, self._again = False, False
            self._send()
        show = show_logs and not _in_run()
        client = self._client
        if not self.over and not client.wait(self, timeout, self._ask_log if show else None):
            raise Timeout(f"{self!r} has not ended after {timeout} s", errno.ETIMEDOUT)
        if self._code == -errno.ENOTCONN and self._again:
            return self.join(timeout)
        if show and self.computed and not self._shown:
            self._shown = True
            if self._told or self.instance not in _seen:
                _show(self._log[self._told:])
                _seen.add(self.instance)
                _show_called(self)
        return self

    def get(self, timeout=None):
        """The result. Failed when the run failed, with the end of its log."""
        self.join(timeout)
        if self._code == 0:
            task = self.task or _registry.get(self.path.split("/")[1])
            return _decode(self._data, task is not None and task.gives_bytes)
        if self.instance or self._code == -errno.EIO:
            raise Failed(self._sentence, -self._code, self, self._log.decode("utf-8", "replace")
                         if self._log else self._read_log())
        raise _error(self._code, self._sentence)

    def _read_log(self):
        try:
            return self.log
        except Error:
            return ""

    def bytes(self, timeout=None):
        """The result as it is stored."""
        self.get(timeout)
        return self._data

    # The log, live.

    def _ask_log(self):
        if self._follow is not None or self._request is None:
            return
        self._follow = self._client.lib.request_follow(self._request, len(self._log))
        if self._follow is not None:
            self._client.post(self._follow, _Follow(self))

    # What the tree has of it.

    @property
    def path(self):
        """Where it is in the tree: tasks/TASK/NAME."""
        if self._path is None:
            client = _client()
            self.task.define(client)
            words = (ctypes.c_char_p * len(self._words))(*self._words)
            self._path = client.text("path", self.task.name.encode(), len(words), words).decode()
            mount = client.lib.daemon_mount(client.dj).decode()
            if mount and self._path.startswith(mount + "/"):
                self._path = self._path[len(mount) + 1:]
        return self._path if self._path.startswith("tasks/") else "tasks/" + self._path

    def text(self, name):
        """A file of it: status, why, key, meta, args, error, command, progress…"""
        return _client().text("run_text", self.path.encode(), name.encode()).decode("utf-8",
                                                                                   "replace")

    @property
    def status(self):
        return self.text("status")

    @property
    def why(self):
        return self.text("why")

    @property
    def log(self):
        return self.text("log")

    def open(self, path, mode="r", **kwargs):
        """A file that the run left, for reading: what it wrote by open() of this module."""
        if any(letter in mode for letter in "wax+"):
            raise Error(f"{mode!r}: only reading is allowed: a run that has ended never changes",
                        errno.EACCES)
        self.join()
        if self._code < 0:
            self.get()
        if self._how.get("incognito"):
            raise Error("an incognito run keeps no files", errno.ENOENT)
        name = posixpath.normpath(os.fspath(path))
        if name.startswith(("/", "../")) or name == "..":
            raise Error(f"{path}: a file of a run is named from its working directory")
        raw = _read_file(f"{self.path}/files/{name}", path)
        return raw if "b" in mode else io.TextIOWrapper(raw, **kwargs)

    def files(self):
        """The names of the files that it left."""
        self.join()
        return sorted(_walk(f"{self.path}/files"))

    def delete(self):
        """All that is stored of this call. `dj undelete` brings it back for a day."""
        _client().call("control", self.path.encode(), b"delete")

    def cancel(self):
        _client().call("control", self.path.encode(), b"cancel")

    def __getitem__(self, name):
        return self.arguments[name]

    def __repr__(self):
        if self.task is None:
            return f"<djfs run {self._path}>"
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.arguments.items())
        return f"<djfs run {self.task.name}({arguments})>"


_ANNOTATED[Run] = "run"


class _Follow:
    """How a run under way goes on: more of its log."""

    def __init__(self, run):
        self.run, self.over = run, False

    def take(self, lib, request):
        self.over, self.run._follow = True, None
        if lib.request_code(request) == 0 and not self.run.over:
            data = _bytes_of(lib.request_bytes, request)
            self.run._log += data
            instance = lib.request_instance(request)
            if data and (self.run._told or instance not in _seen):
                _seen.add(instance)
                _show(data)
                self.run._told = len(self.run._log)

    def lose(self):
        self.over, self.run._follow = True, None
