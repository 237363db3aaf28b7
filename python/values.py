# ---- values --------------------------------------------------------------------------------------


def _plain(value, what):
    """The value as JSON has it; BadArgument for what JSON has not."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, Run):
        raise BadArgument(f"{what} is a run: give what its get() gives")
    if getattr(value, "ndim", None) == 0 and hasattr(value, "dtype") and hasattr(value, "item"):
        value = value.item()  # a scalar of numpy
    if isinstance(value, bool):
        return bool(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BadArgument(f"{what} is {value}, which JSON has not: give None or a text for it")
        return float(value)
    if isinstance(value, str):
        if not value.isascii() and re.search("[\ud800-\udfff]", value):
            raise BadArgument(f"{what} has a character that UTF-8 has not: {ascii(value)}")
        return str.__str__(value)  # of an Enum, str() is its name
    if isinstance(value, (list, tuple)):
        return [_plain(x, f"{what}[{i}]") for i, x in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise BadArgument(f"{what} has the key {key!r}, and those of JSON are texts")
        return {str.__str__(key): _plain(x, f"{what}[{key!r}]") for key, x in value.items()}
    kind = type(value).__name__
    cure = ("its tolist(), or a file by dj.open()" if hasattr(value, "tolist") else
            "a text or a file" if isinstance(value, (bytes, bytearray)) else
            "a sorted list" if isinstance(value, (set, frozenset)) else
            "a list of it" if isinstance(value, (range, _Points)) or hasattr(value, "__next__") else
            "its value" if isinstance(value, enum.Enum) else
            "its str()" if isinstance(value, os.PathLike) else
            "its dataclasses.asdict()" if hasattr(type(value), "__dataclass_fields__") else
            "numbers, texts, lists and dictionaries of them, or a file")
    raise BadArgument(f"{what} is no JSON but of type {kind}: give {cure}")


def _json(value, what):
    try:
        return _any_digits(json.dumps, _plain(value, what), ensure_ascii=False).encode()
    except RecursionError:
        raise BadArgument(f"{what} is nested too deeply, or inside of itself") from None


def _any_digits(function, *args, **kwargs):
    """A number may have more digits than Python makes texts of, as a factorial has."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return function(*args, **kwargs)
    finally:
        sys.set_int_max_str_digits(limit)


def _encode(value, bytes_wanted):
    """The result of a function as bytes: JSON with a newline, or the bytes that it gave."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = bytes(value)
        if not bytes_wanted and _decode(value, False) is not value:
            raise BadArgument("the result is bytes that would be read as JSON: say `-> bytes` "
                              "behind the parameters of the function")
        return value
    if bytes_wanted:
        raise BadArgument(f"the result is of type {type(value).__name__}, and the function says "
                          "`-> bytes`")
    return _json(value, "the result") + b"\n"


def _decode(data, bytes_wanted):
    """JSON with a newline behind it is a value, all else bytes."""
    if bytes_wanted or data[-1:] != b"\n":
        return data
    try:
        return json.loads(data) if len(data) < 4000 else _any_digits(json.loads, data)
    except (ValueError, RecursionError):
        return data


def _number(value):
    return format(value, ".6f").rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _word(kind, value, what):
    """One value as a word of the command line, by the type of its parameter."""
    if kind == "json":
        return _json(value, what)
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    if kind == "str" and isinstance(value, (str, bytes)):
        return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    if kind in ("file", "path") and isinstance(value, (str, bytes, os.PathLike)):
        return os.fsencode(value)
    if kind == "run" and isinstance(value, (Run, str)):
        return (value.path if isinstance(value, Run) else value).removeprefix("tasks/").encode()
    if kind == "bool" and isinstance(value, bool):
        return b"true" if value else b"false"
    if kind in ("int", "float") and isinstance(value, int) and not isinstance(value, bool):
        return (str(int(value)) if kind == "int" else repr(float(value))).encode()
    if kind == "float" and isinstance(value, float):
        return repr(float(value)).encode()
    raise BadArgument(f"{what} is {value!r}, and no {kind}")
