# ---- tasks ---------------------------------------------------------------------------------------


class Task:
    """A function whose calls are runs. Calling it sends one; `function` is the function itself."""

    def __init__(self, function, options):
        name = options.pop("name", None) or getattr(function, "__name__", "?")
        refusal = _refuse_function(function, name)
        if refusal:
            raise Error(refusal)
        self.function, self.name, self.__doc__ = function, name, function.__doc__
        self.__name__, self.__module__ = function.__name__, function.__module__
        self.signature = _signature_of(function)
        self.gives_bytes = self.signature.return_annotation in (bytes, "bytes")
        self.file = os.path.realpath(_code_of(function).co_filename)
        self.rules = {}  # those of one call
        self.params = self._read_params(options.pop("params", None))
        self.options = self._read_options(options)
        self._refuse_another(_registry.get(name))
        _registry[name] = self

    def _refuse_another(self, other):
        if other is None or not os.path.isfile(other.file):  # a cell of a notebook, once more
            return
        if other.file != self.file:
            raise Error(f"two tasks are called {self.name}: one of {other.file} and one of "
                        f"{self.file}; name= gives another name")
        # A program may load a file of its own once more; the interpreter that stays does not.
        lines = [_code_of(task.function).co_firstlineno for task in (self, other)]
        if self.__name__ != other.__name__ or (_importing and lines[0] != lines[1]):
            raise Error(f"two functions of {os.path.basename(self.file)} are the task {self.name}: "
                        "name= gives another name")

    def _read_params(self, given):
        kinds = dict(item.strip().partition(":")[::2] for item in re.split(r"[,\s]+", given or "")
                     if item)
        params = {}
        for name, param in self.signature.parameters.items():
            if param.kind in (param.VAR_POSITIONAL, param.VAR_KEYWORD):
                raise Error(f"{self.name}: {param} cannot be a parameter of a task: name each one")
            if name in PER_CALL:
                raise Error(f"{self.name}: no parameter can be called {name}: it is a word of the "
                            "call (" + ", ".join(PER_CALL) + ")")
            params[name] = kinds.pop(name, None) or _kind_of(param.annotation)
        if kinds:
            raise Error(f"{self.name}: params names {', '.join(kinds)}, which the function has not")
        return params

    def _read_options(self, options):
        options = dict(options)
        rules = {k: options.pop(k) for k, v in list(options.items())
                 if v is Ignore or v is Keep or isinstance(v, Depend)}
        for name in list(rules) + list(options):
            if name in rules and name not in self.params:
                raise Error(f"{self.name} has no parameter {name}")
            if name not in rules and name not in _OPTIONS:
                raise Error(f"{self.name}: there is no option {name}")
        return {**options, **_spelled(rules)}

    def definition(self):
        """Its section of a task file."""
        text = f"[{self.name}]\ncommand = {self._command()}\n"
        text += "params = " + ", ".join(f"{n}:{k}" for n, k in self.params.items()) + "\n" \
            if self.params else ""
        for name, param in self.signature.parameters.items():
            kind, what = self.params[name], f"{self.name}: the default of {name}"
            if kind.endswith("*"):
                words = [_word(kind[:-1], x, what).decode() for x in self._list_default(name)]
                text += _lines(f"default.{name}", " ".join(map(_quoted, words)))
            elif param.default is not param.empty:
                text += _lines(f"default.{name}", _word(kind, param.default, what).decode())
        options = {"launch": "resident", **self.options}
        if self.__doc__ and "help" not in options:
            options["help"] = inspect.cleandoc(self.__doc__)
        return text + "".join(_option(k, v) for k, v in options.items()) + "\n"

    def _list_default(self, name):
        """That of a list is none when nothing is said: an empty list has no word of its own."""
        default = self.signature.parameters[name].default
        return [] if default is inspect.Parameter.empty else list(default or ())

    def _command(self):
        """The interpreter by the name that PATH has for it, so that versions survive its moving."""
        program, named = sys.executable or "python3", shutil.which("python3") or ""
        if (os.path.dirname(program), os.path.realpath(program)) == \
                (os.path.dirname(named), os.path.realpath(named)):
            program = "python3"
        return f"{_quoted(program)} -m djfs {{here}}/{_quoted(os.path.basename(self.file))}"

    def __repr__(self):
        return f"<djfs task {self.name}>"

    def bind(self, args, kwargs):
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise BadArgument(f"{self.name}: {error}") from None
        bound.apply_defaults()
        return dict(bound.arguments)

    def words(self, arguments):
        words = []
        for name, value in arguments.items():
            kind, what = self.params[name], f"{self.name}: {name}"
            if kind.endswith("*") and not isinstance(value, (list, tuple)):
                raise BadArgument(f"{what} is {value!r}, and no list")
            if kind.endswith("*") and not value and self.signature and self._list_default(name):
                raise BadArgument(f"{what} is an empty list, which cannot be told from its default")
            for x in value if kind.endswith("*") else (value,):
                word = _word(kind.rstrip("*"), x, what)
                if self.signature and word.decode(errors="replace").encode() != word:
                    raise BadArgument(f"{what} is {x!r}, which is not UTF-8, as a function gets it")
                words.append(name.encode() + b"=" + word)
        return words

    def __call__(self, /, *args, **kwargs):
        if _importing:
            _end_import()
        how = {name: kwargs.pop(name) for name in PER_CALL if name in kwargs}
        arguments = self.bind(args, kwargs)
        if not _varies(arguments):
            return Run(self, arguments, how)
        return Frame.make(**arguments).map(_Bound(self, how))

    def with_dependencies(self, /, **rules):
        """The same task with other rules for one call."""
        other = copy.copy(self)
        other.rules = _spelled(rules)
        return other

    def define(self, client):
        """Given to the daemon, with what else there is of its folder, once for each connection."""
        if self.name in client.defined or self.file == _serving:
            return
        if not os.path.isfile(self.file):
            raise Error(f"{self.name}: {_code_of(self.function).co_filename} is no file: an "
                        "interpreter that imports it needs one")
        here = os.path.dirname(self.file)
        tasks = [t for t in _registry.values() if os.path.dirname(t.file) == here]
        text = "".join(t.definition() for t in tasks if t.name not in client.defined).encode()
        try:
            with _search_path():
                client.call("define", text, len(text), os.fsencode(self.file), os.fsencode(here))
        except Error as error:
            raise _with_line(error, self.file, text.decode()) from None
        client.defined.update(t.name for t in tasks)


def _with_line(error, file, text):
    """The line itself for its number, which is of a text that nobody wrote."""
    found = re.fullmatch(re.escape(file) + r":(\d+): (.*)", error.sentence, re.DOTALL)
    if not found:
        return error
    line = text.split("\n")[int(found[1]) - 1]
    return type(error)(f"{file}: `{line}`: {found[2]}", error.errno)


class _Foreign(Task):
    """A task that was defined elsewhere: arguments as its definition has them."""

    def __init__(self, name):
        client = _client()
        self.name, self.rules, self.gives_bytes, self.signature = name, {}, False, None
        with client.lock:
            tasks = client.lib.tasks_open(client.dj, name.encode())
            if not tasks or client.lib.tasks_next(tasks) != 1:
                sentence = client.lib.error(client.dj).decode() or f"there is no task {name}"
                raise NoTask(sentence, errno.ENOENT)
            params = client.lib.tasks_params(tasks).decode()
            client.lib.tasks_close(tasks)
        self.params = {n: k or "str" for n, _, k in
                       (item.strip().partition(":") for item in params.split(",") if item.strip())}

    def bind(self, args, kwargs):
        names = list(self.params)
        if len(args) > len(names):
            raise BadArgument(f"{self.name}: it has {len(names)} parameters, not {len(args)}")
        arguments = dict(zip(names, args))
        for name, value in kwargs.items():
            if name not in self.params or name in arguments:
                raise BadArgument(f"{self.name}: {name} is no parameter, or is given twice")
            arguments[name] = value
        return arguments

    def define(self, client):
        pass


class _Bound:
    """A task with the keywords of a call."""

    def __init__(self, task, how):
        self.task, self.how = task, how

    def __call__(self, /, *args, **kwargs):
        return Run(self.task, self.task.bind(args, kwargs), self.how)


class _search_path:
    """While a definition is given: PYTHONPATH such that its interpreter finds this file."""

    def __enter__(self):
        self.before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = _python_path()
        if not os.environ["PYTHONPATH"]:
            del os.environ["PYTHONPATH"]

    def __exit__(self, *_):
        os.environ.pop("PYTHONPATH", None)
        if self.before is not None:
            os.environ["PYTHONPATH"] = self.before


def _python_path():
    here = os.path.dirname(os.path.realpath(__file__))
    known = {os.path.realpath(x) for x in (*site.getsitepackages(), site.getusersitepackages())}
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    path = [os.path.abspath(x) for x in given if x]
    if here not in known and here not in map(os.path.realpath, path):
        path.append(here)
    return os.pathsep.join(path)


def task(function=None, /, **options):
    """@task or @task(version=2, timeout=60, verbose=Ignore, …): options as in dj-tasks(5)."""
    if function is not None:
        return Task(function, options)
    return lambda function: Task(function, options)


class TaskList:
    """tasks.NAME: a marked function, or any task that the daemon has. tasks.add is task."""

    @staticmethod
    def add(name=None, version=None, cache=None, default_launcher=None, default_session_mode=None,
            **options):
        if callable(name):  # @tasks.add without brackets
            return task(name)
        if name is not None and not isinstance(name, str):
            raise BadArgument("tasks.add marks functions; a task that is called add is tasks['add']")
        if cache is not None:
            raise Error("cache= has no place here: there is one store, that of the daemon")
        given = {"name": name, "version": version, "launch": _text_of(default_launcher),
                 "session": _text_of(default_session_mode)}
        return task(**{k: v for k, v in given.items() if v is not None}, **options)

    def __getitem__(self, name):
        return _registry.get(name) or _Foreign(name)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except NoTask as error:
            raise AttributeError(str(error)) from None

    def __dir__(self):
        return [*super().__dir__(), *_registry]


tasks = TaskList()


def get(what, /, *args, **kwargs):
    """The result of a task (itself, or its name) with arguments, of a run, or of a run's path."""
    if isinstance(what, (Run, _Points)):
        return what.get()
    if isinstance(what, str) and "/" in what:
        return Run(None, {}, kwargs, what).get()
    return (tasks[what] if isinstance(what, str) else what)(*args, **kwargs).get()
