# ---- options of tasks ----------------------------------------------------------------------------


class File(str):
    """In an annotation: a file, keyed by its content."""


class Path(str):
    """In an annotation: a file or folder, keyed by its name, size and time."""


class Ignore:
    """A parameter that does not count."""


class Keep:
    """A parameter that counts; those that are not named do not."""


class Depend:
    """The same inside a parameter that is a dictionary: Depend("a", "b"), Depend(verbose=Ignore);
    replicate=[task]: what that task's parameter of the same name depends on."""

    def __init__(self, *names, keep=(), ignore=(), replicate=(), **rules):
        self.replicate = replicate
        self.rules = {**{x: Keep for x in (*names, *keep)}, **{x: Ignore for x in ignore}, **rules}


PER_CALL = ("force", "incognito", "cached", "launch", "session", "ignore", "keep", "timeout")
_OPTIONS = frozenset("""name params version ignore keep depend launch session resources timeout
memory max_result max_log max_files retries retry_delay retry_on on_failure priority track store
result env setup abandon cutoff ttl serve_stale help""".split())
_DURATIONS = frozenset(("timeout", "retry_delay", "ttl", "serve_stale"))
_registry = {}


class _Launch:
    def __init__(self, text):
        self.text = text


def Direct():
    """In the worker that the calling run gives up."""
    return _Launch("direct")


def NewThread():
    """As the task says: in an interpreter that is there."""
    return _Launch(None)


def NewProcess():
    """In an interpreter of its own."""
    return _Launch("process")


def Command(template):
    """By another program, with COMMAND in its words: "srun COMMAND"."""
    return _Launch("command " + template)


def Attach():
    """In the caller's session."""
    return _Launch(None)


def NewSession(max_workers=1, **resources):
    """In a session of its own."""
    return _Launch(_pairs("new", workers=max_workers, **resources))


def _pairs(*words, **numbers):
    return ",".join([*words, *(f"{k}={_number(v)}" for k, v in numbers.items())])


def _text_of(value):
    return value.text if isinstance(value, _Launch) else value


def _names(value):
    return [value] if isinstance(value, str) else list(value)


def _lines(name, value):
    """An option of a task file. A block keeps every character."""
    text = str(value)
    if "\n" not in text and text == text.strip() and text:
        return f"{name} = {text}\n"
    return f"{name} =\n" + "".join(f"    |{line}\n" for line in text.split("\n"))


def _quoted(word):
    word = word.replace("{", "{{").replace("}", "}}")
    if re.fullmatch(r"[\w./{}:@%+,-]+", word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def _option(name, value):
    value = _text_of(value)
    if value is None:
        return ""
    if name == "env":
        if isinstance(value, dict):
            return "".join(_lines(f"env.{k}", v) for k, v in value.items())
        return _lines("env", ", ".join(_names(value)))
    if isinstance(value, bool):
        value = "yes" if value else "no"
    elif isinstance(value, dict):
        value = ", ".join(f"{k}={_number(v)}" for k, v in value.items())
    elif isinstance(value, (list, tuple, set)):
        value = ", ".join(_quoted(str(x)) if name == "track" else str(x) for x in value)
    elif name in _DURATIONS and isinstance(value, float):
        value = f"{math.ceil(value * 1000)}ms"
    return _lines(name, value)


_ANNOTATED = {int: "int", float: "float", bool: "bool", str: "str", File: "file", Path: "path",
              "int": "int", "float": "float", "bool": "bool", "str": "str"}


def _kind_of(annotation):
    try:
        kind = _ANNOTATED.get(annotation)
    except TypeError:
        kind = None
    if kind is None and annotation is Run:
        kind = "run"
    if kind is None and typing.get_origin(annotation) is list:
        inner = _kind_of(typing.get_args(annotation)[0])
        kind = inner + "*" if inner in ("file", "path", "run") else None
    return kind or "json"


def _signature_of(function):
    try:
        return inspect.signature(function, eval_str=True)
    except Exception:  # an annotation that names what is not there
        return inspect.signature(function)


def _code_of(function):
    """That of the function itself, and not of a wrapper around it, which may be of another file."""
    return getattr(inspect.unwrap(function), "__code__", function.__code__)


def _refuse_function(function, name):
    where = getattr(function, "__qualname__", name)
    if not inspect.isfunction(function):
        return f"{where} is no function" if where != "?" else f"{function!r} is no function"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return f"{where} is async: a task is a plain function"
    if where != function.__name__ or name == "<lambda>":
        return f"{where} is not at the top of a file: the interpreter that stays cannot find it"
    return None


def _spelled(rules):
    """Ignore, Keep and Depend as the options of a task file: paths into dictionaries have dots."""
    found = {"keep": [], "ignore": [], "depend": []}
    for name, rule in rules.items():
        if isinstance(rule, Depend):
            _spell_parts(name, rule, found)
        else:
            found["keep" if rule is Keep else "ignore"].append(name)
    return {option: names for option, names in found.items() if names}


def _spell_parts(path, depend, found):
    for name, rule in depend.rules.items():
        if isinstance(rule, Depend):
            _spell_parts(f"{path}.{name}", rule, found)
        else:
            found["depend" if rule is Keep else "ignore"].append(f"{path}.{name}")
    found["depend"].extend(f"{path} like {_name_of(task)}" for task in depend.replicate)


def _name_of(task):
    return task if isinstance(task, str) else task.name
