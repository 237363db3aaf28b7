# ---- the interpreter that stays ------------------------------------------------------------------

_serving = None  # the file whose tasks this interpreter computes


def _module_of(path):
    """The folder to import it from, and its name there: that of a package has dots."""
    folder, names = os.path.dirname(path), [os.path.splitext(os.path.basename(path))[0]]
    while os.path.isfile(os.path.join(folder, "__init__.py")) and folder != "/":
        names.insert(0, os.path.basename(folder))
        folder = os.path.dirname(folder)
    name = ".".join(names[:-1] if names[-1] == "__init__" and len(names) > 1 else names)
    if "." not in name and (name in sys.modules or name in sys.stdlib_module_names):
        name = "_djfs_" + name
    return folder, name


def _load(path):
    """Imports a file, or what of it only declares: see _execute()."""
    global _importing
    folder, name = _module_of(path)
    sys.argv[:] = [path]
    sys.path[:] = [folder] + [x for x in sys.path if x not in ("", folder, os.getcwd())]
    with io.open(path, "rb") as file:
        tree = ast.parse(file.read(), path)
    _importing = True
    try:
        if "." in name:
            importlib.import_module(name.rpartition(".")[0])
        if name in sys.modules:  # its package has imported it
            return
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        _execute(tree, path, module)
    finally:
        _importing = False


def _execute(tree, path, module):
    """A program without `if __name__ == "__main__":` calls its tasks while it is imported. The
    first such call ends its statement; of what is behind it only imports, definitions and
    assignments of what is not computed are executed."""
    flags, ended = 0, False
    module.__doc__ = ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                flags |= getattr(__future__, alias.name).compiler_flag
    for node in tree.body:
        if ended and not _declares(node):
            continue
        code = compile(ast.Module([node], []), path, "exec", flags, dont_inherit=True)
        try:
            exec(code, module.__dict__)
        except _EndOfImport:
            pass
        except NameError:
            if not ended:
                raise
        ended = _import_ended


def _declares(node):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import,
                         ast.ImportFrom)):
        return True
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return not any(isinstance(x, (ast.Call, ast.Await)) for x in ast.walk(node))
    if isinstance(node, ast.Try):
        return all(map(_declares, [*node.body, *node.orelse, *node.finalbody,
                                   *(x for handler in node.handlers for x in handler.body)]))
    return False


def _said(error, path):
    """An exception of an import in one line."""
    name = os.path.basename(path)
    if isinstance(error, SyntaxError):
        return f"{error.filename or name}:{error.lineno}: {error.msg}"
    if isinstance(error, Error):
        return error.sentence
    if isinstance(error, SystemExit):
        return f"{name} ends its interpreter while it is imported"
    if isinstance(error, _EndOfImport):
        return (f"{name} calls a task while its package imports it: do that behind `if __name__ == "
                "\"__main__\":`")
    lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == path]
    where = f"{name}:{lines[-1]}" if lines else name
    return f"{where}: it cannot be imported: {_name_and_text(error)}"


def _name_and_text(error):
    """In one line, and such that it can be answered."""
    try:
        text = (str(error).strip().splitlines() or [""])[0].replace("\0", "\\0")
    except Exception:
        text = ""
    text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text.encode("utf-8", "backslashreplace").decode()


def _own_output():
    """What is printed from now on is the log, by whatever means; what goes to our standard output
    is the answer, and the input is empty for all but us."""
    given, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    return given, answers


class _Streams:
    """What is printed to, by whatever means: the log, whatever a run has made of it."""

    def __init__(self):
        self.log, self.streams = os.dup(2), (sys.stdout, sys.stderr)

    def set_back(self):
        for number, name, stream in zip((1, 2), ("stdout", "stderr"), self.streams):
            os.dup2(self.log, number)
            if getattr(stream, "closed", False):
                stream = io.open(number, "w", buffering=1, encoding="utf-8",
                                 errors="backslashreplace", closefd=False)
                setattr(sys, f"__{name}__", stream)
            setattr(sys, name, stream)
        self.streams = sys.stdout, sys.stderr


_c_flush = []


def _flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # it was closed, or is none
            pass
    if not _c_flush:
        _c_flush.append(ctypes.PyDLL(None).fflush)
    _c_flush[0](None)  # what C code has printed


def _environment_bytes():
    """What os.environ rests on: to read all of that takes a hundred times as long."""
    data = getattr(os.environ, "_data", None)
    return dict(os.environ if data is None else data)


def _set_environment(wanted):
    now = dict(os.environ)
    for name in now.keys() - wanted.keys():
        del os.environ[name]
    for name, value in wanted.items():
        if now.get(name) != value:
            os.environ[name] = value


class _Edits:
    """The files of what was imported, installed modules apart: whether one was edited since."""

    def __init__(self, times):
        folders = (os.path.dirname(os.__file__), *site.getsitepackages(),
                   site.getusersitepackages())
        self.installed = tuple(folder + os.sep for folder in folders)
        self.looked, self.count, self.known, self.late = time.time_ns(), 0, {}, False
        self.times = times  # a file that writes a module as it is imported ends this by the third

    @staticmethod
    def _stamp(file):
        try:
            stat = os.stat(file)
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def look(self):
        """After what may have imported: what is new. It may be edited behind its import."""
        before, self.looked = self.looked - 10_000_000, time.time_ns()
        if len(sys.modules) == self.count:
            return
        self.count = len(sys.modules)
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and file not in self.known and \
                    file != __file__ and not file.startswith(self.installed):
                stamp = self.known[file] = self._stamp(file)
                if stamp and before <= stamp[0] <= self.looked and self.times < 2:
                    self.late = True

    def found(self):
        """Then there is to be a new interpreter."""
        if self.late or any(self._stamp(file) != at for file, at in self.known.items()):
            self.times += 1
            return True
        if self.known:
            self.times = 0
        return False


def _print_traceback(error):
    """Without what of it is ours; all of it is when a result is refused."""
    at = error.__traceback__
    while at is not None and at.tb_frame.f_code.co_filename == __file__:
        at = at.tb_next
    if at is None and isinstance(error, Error):
        print(error.sentence, file=sys.stderr)
    else:
        traceback.print_exception(type(error), error, at or error.__traceback__)


def _value_of(kind, value):
    """An argument as the function gets it."""
    if kind == "float":
        return float(value)  # inf and nan are texts in JSON
    if kind == "run":
        return Run(None, {}, {}, value)
    if kind == "run*":
        return [Run(None, {}, {}, path) for path in value]
    return value


class _Computing:
    """The file whose tasks are computed, imported when the first is called."""

    def __init__(self, path):
        global _serving
        self.path = _serving = os.path.realpath(path)
        self.refusal, self.loaded = None, False

    def load(self):
        if self.loaded:
            return
        self.loaded = True
        try:
            _load(self.path)
        except BaseException as error:
            self.refusal = _said(error, self.path)
            _print_traceback(error)

    def compute(self, name, arguments):
        """The bytes of the result. Error for what the function is not to blame for."""
        self.load()
        if self.refusal:
            raise Error(self.refusal)
        task = _registry.get(name)
        if task is None:
            raise Error(f"{os.path.basename(self.path)} has no task {name}; is it marked at the "
                        "top of the file?")
        more = [k for k in arguments if k not in task.params and "." not in k]  # env.NAME has one
        if more:
            raise Error(f"{os.path.basename(self.path)}: {name} has no parameter {more[0]} now; "
                        "define it again")
        bound = task.signature.bind_partial()
        for k, kind in task.params.items():
            if k in arguments:
                bound.arguments[k] = _value_of(kind, arguments[k])
        try:
            value = task.function(*bound.args, **bound.kwargs)
        finally:
            _close_files()
        if str(task.options.get("result", "")).startswith("file:"):
            return b""
        return _encode(value, task.gives_bytes)


def _attempt(computing, name, arguments):
    """The result and None, or None and a sentence. A child that the function forked ends here."""
    own, result, code = os.getpid(), None, 1
    try:
        result, sentence, code = computing.compute(name, arguments), None, 0
    except SystemExit as error:
        sentence, code = f"it called sys.exit({error.code!r})", error.code
        if os.getpid() != own and not isinstance(code, (int, type(None))):
            print(code, file=sys.stderr)
    except BaseException as error:
        _print_traceback(error)
        sentence = _name_and_text(error)
        if type(error) in (Error, BadArgument):
            sentence = sentence.removeprefix(f"{type(error).__name__}: ")
        elif isinstance(error, Error):
            sentence = f"{type(error).__name__}: {error.sentence}"
    _close_client()
    _flush()
    if os.getpid() != own:
        os._exit((code or 0) & 255 if isinstance(code, (int, type(None))) else 1)
    return result, sentence


# More than this is given as a file: there is a longest line.
_LARGE = 64 << 20


def _answer(result):
    if len(result) > _LARGE:
        with io.open(".djfs-result", "wb") as file:
            file.write(result)
        return {"result_file": ".djfs-result"}
    if result[-1:] != b"\n":  # bytes, of which a text might need six for each
        return {"result_base64": base64.b64encode(result).decode()}
    try:
        return {"result": result.decode()}
    except UnicodeDecodeError:
        return {"result_base64": base64.b64encode(result).decode()}


class _Serving:
    """What computes call after call, each as if it was the first: globals apart."""

    def __init__(self, path):
        self.environment = dict(os.environ)  # of a run that has none of its own
        self.started_with = dict(self.environment)
        self.again, times = (*map(int, os.environ.pop("DJFS_CALL", "").split()), None, 0)[:2]
        self.environment.pop("DJFS_CALL", None)
        self.given, self.answers = _own_output()
        self.home = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        self.computing, self.edits = _Computing(path), _Edits(times)
        self.streams = None

    def lines(self):
        """Those of dj-tasks(5) under PROGRAMS THAT STAY."""
        if self.again is not None:
            with os.fdopen(self.again, "rb") as file:
                yield file.read()
        yield from self.given

    def start_again(self, line):
        """The interpreter anew, in its place, with a call that is not computed yet."""
        file = os.memfd_create("call", 0)
        with os.fdopen(os.dup(file), "wb") as out:
            out.write(line)
        os.lseek(file, 0, os.SEEK_SET)
        os.dup2(self.given.fileno(), 0)
        os.dup2(self.answers.fileno(), 1)
        os.execvpe(sys.orig_argv[0], sys.orig_argv,
                   {**self.started_with, "DJFS_CALL": f"{file} {self.edits.times}"})

    def serve(self):
        for line in self.lines():
            if self.edits.found():
                self.start_again(line)
            call = json.loads(line)
            _Now.folder, _Now.name = os.getcwd(), f"tasks/{call['task']}/{call['name']}"
            os.environ.update(call["env"], DJ_RUN=call["run"])
            if self.streams is None:
                self.first(call["env"])
            result, sentence = _attempt(self.computing, call["task"], call["args"])
            self.edits.look()
            os.fchdir(self.home)
            self.streams.set_back()
            for name in ("DJ_RUN", *call["env"]):
                os.environ.pop(name, None)
            if _environment_bytes() != self.environment_bytes:
                _set_environment(self.environment)
            answer = {"error": sentence} if result is None else _answer(result)
            self.answers.write(json.dumps({"run": call["run"], **answer}).encode() + b"\n")
            self.answers.flush()

    def first(self, env):
        """What the file changes at its top stays."""
        before = self.environment
        self.computing.load()
        self.streams, self.environment = _Streams(), dict(os.environ)
        for name in ("DJ_RUN", *env):
            self.environment.pop(name, None)
            if name in before:
                self.environment[name] = before[name]
        here = dict(os.environ)
        _set_environment(self.environment)
        self.environment_bytes = _environment_bytes()
        _set_environment(here)


def _run_once(path):
    """The same program as a process of its own, for one run: `launch = process` and its like."""
    answers = _own_output()[1]
    _Now.folder = os.getcwd()
    with io.open(os.environ["DJ_ARGS"], "rb") as file:
        arguments = json.load(file)
    name = run_id().split("/")[-2]
    result, sentence = _attempt(_Computing(path), name, arguments)
    if result is None:
        print(sentence, file=sys.stderr)
        return 1
    answers.write(result)
    answers.close()
    return 0


def _list(path):
    """The marked functions of a file as a task file, behind a line with the path that their
    interpreter needs; a refusal is a sentence behind a !."""
    answers = _own_output()[1]
    path = os.path.realpath(path)
    try:
        _load(path)
        own = [task for task in _registry.values() if task.file == path]
        if not own:
            raise Error(f"{os.path.basename(path)} has no marked function: @djfs.task above a "
                        "function makes it a task")
        text = _python_path() + "\n" + "".join(task.definition() for task in own)
    except BaseException as error:
        answers.write(("!" + _said(error, path)).encode("utf-8", "replace"))
        return 1
    answers.write(text.encode("utf-8", "surrogateescape"))
    answers.close()
    return 0


def _main(words):
    if len(words) == 2 and words[0] == "--list":
        return _list(words[1])
    if not words or words[0].startswith("-"):
        print("usage: python3 -m djfs FILE [ARGUMENT...]\n"
              "The interpreter in which the marked functions of FILE are run: djd starts it.\n"
              "djfs-python(3) is the manual.", file=sys.stderr)
        return 0 if words in (["-h"], ["--help"]) else 2
    if "DJ_ARGS" in os.environ:
        return _run_once(words[0])
    _Serving(words[0]).serve()
    return 0


if __name__ == "__main__":
    import djfs  # the functions of FILE are marked by that module, and not by this one
    sys.exit(djfs._main(sys.argv[1:]))
