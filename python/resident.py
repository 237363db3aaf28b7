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
    folder, name = _module_of(path)
    sys.path[:] = [folder] + [x for x in sys.path if x not in ("", folder, os.getcwd())]
    with io.open(path, "rb") as file:
        tree = ast.parse(file.read(), path)
    if "." in name:
        importlib.import_module(name.rpartition(".")[0])
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _execute(tree, path, module)


def _execute(tree, path, module):
    """A program without `if __name__ == "__main__":` calls its tasks while it is imported. The
    first such call ends its statement; of what is behind it only imports, definitions and
    assignments of what is not computed are executed."""
    global _importing
    flags, ended = 0, False
    module.__doc__ = ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                flags |= getattr(__future__, alias.name).compiler_flag
    _importing = True
    try:
        for node in tree.body:
            if ended and not _declares(node):
                continue
            code = compile(ast.Module([node], []), path, "exec", flags, dont_inherit=True)
            try:
                exec(code, module.__dict__)
            except _EndOfImport:
                ended = True
            except NameError:
                if not ended:
                    raise
    finally:
        _importing = False


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
    lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == path]
    where = f"{name}:{lines[-1]}" if lines else name
    return f"{where}: it cannot be imported: {type(error).__name__}: {error}"


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


def _print_traceback(error):
    """Without what of it is ours; all of it is when a result is refused."""
    at = error.__traceback__
    while at is not None and at.tb_frame.f_code.co_filename == __file__:
        at = at.tb_next
    if at is None and isinstance(error, Error):
        print(error.sentence, file=sys.stderr)
    else:
        traceback.print_exception(type(error), error, at or error.__traceback__)


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
        bound = task.signature.bind_partial()
        for k, kind in task.params.items():
            if k in arguments:  # inf and nan are texts in JSON
                bound.arguments[k] = float(arguments[k]) if kind == "float" else arguments[k]
        value = task.function(*bound.args, **bound.kwargs)
        if str(task.options.get("result", "")).startswith("file:"):
            return b""
        return _encode(value, task.gives_bytes)


def _attempt(computing, name, arguments):
    """The result and None, or None and a sentence."""
    try:
        return computing.compute(name, arguments), None
    except SystemExit as error:
        return None, f"it called sys.exit({error.code!r})"
    except BaseException as error:
        _print_traceback(error)
        told = error.sentence if isinstance(error, Error) else str(error)
        told = (told.strip().splitlines() or [""])[0]
        if type(error) in (Error, BadArgument):
            return None, told
        return None, f"{type(error).__name__}: {told}" if told else type(error).__name__
    finally:
        _close_client()
        sys.stdout.flush()
        sys.stderr.flush()


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


def _serve(path):
    """A line for each call, as dj-tasks(5) has it under PROGRAMS THAT STAY."""
    given, answers = _own_output()
    computing, home = _Computing(path), os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    for line in given:
        call = json.loads(line)
        _Now.folder, _Now.name = os.getcwd(), f"tasks/{call['task']}/{call['name']}"
        before = {name: os.environ.get(name) for name in call["env"]}
        os.environ.update(call["env"], DJ_RUN=call["run"])
        result, sentence = _attempt(computing, call["task"], call["args"])
        os.fchdir(home)
        del os.environ["DJ_RUN"]
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        answer = {"error": sentence} if result is None else _answer(result)
        answers.write(json.dumps({"run": call["run"], **answer}).encode() + b"\n")
        answers.flush()


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
    _serve(words[0])
    return 0


if __name__ == "__main__":
    import djfs  # the functions of FILE are marked by that module, and not by this one
    sys.exit(djfs._main(sys.argv[1:]))
