# ---- frames --------------------------------------------------------------------------------------


class Vary:
    """Each of these values, one after the other: a point becomes one for each. A frame of lists
    has values of its own for each point."""

    def __init__(self, values):
        self.values = values if isinstance(values, _Points) else list(values)


class _Row:
    """A point and those that it was made from: so a cursor from before still knows it."""

    __slots__ = ("data", "parents")

    def __init__(self, data, parents=()):
        self.data, self.parents = data, parents


def _find(row, mapping, missing=None):
    """What a mapping by rows has for this one, or for the nearest that it was made from."""
    while row not in mapping:
        found = [p for p in row.parents if _find(p, mapping, _find) is not _find]
        if not found:
            return missing
        row = found[0]
    return mapping[row]


def _varies(value):
    try:
        if isinstance(value, dict):
            return any(map(_varies, value.values()))
        if isinstance(value, (list, tuple)):
            return any(map(_varies, value))
    except RecursionError:  # no value at all: _json() says so
        return False
    return isinstance(value, (_Points, Vary))


def _same(points, n):
    values = list(points)
    if len(values) != n:
        raise RangeError(f"a frame of {len(values)} points beside one of {n}")
    return values


def _choices(value, n):
    """The values that point i of n gets from this one: a function of i that gives a list."""
    if isinstance(value, _Points):
        values = _same(value, n)
        return lambda i: [values[i]]
    if isinstance(value, Vary):
        if isinstance(value.values, _Points):
            lists = _same(value.values, n)
            return lambda i: list(lists[i])
        parts = [_choices(v, n) for v in value.values]
        return lambda i: [x for part in parts for x in part(i)]
    if not _varies(value):
        return lambda i: [value]
    names = list(value) if isinstance(value, dict) else None
    parts = [_choices(v, n) for v in (value.values() if names else value)]
    make = (lambda combo: dict(zip(names, combo))) if names else type(value)
    return lambda i: [make(c) for c in itertools.product(*(part(i) for part in parts))]


def _size_of(value):
    """Of the first frame in it; None: there is none."""
    if isinstance(value, Vary):
        value = value.values
    if isinstance(value, _Points):
        return len(value)
    inside = value.values() if isinstance(value, dict) else \
        value if isinstance(value, (list, tuple)) else ()
    return next((n for n in map(_size_of, inside) if n is not None), None)


def _assigned(data, path, value):
    """The data with a value in it; what other points share is not changed."""
    if not path:
        return value
    data = copy.copy(data)
    inner = data[path[0]] if len(path) > 1 and path[0] in data else {}
    data[path[0]] = _assigned(inner, path[1:], value)
    return data


class _Points:
    """What frames and cursors share. A cursor is some of the points of a frame (chosen), or what
    these have under a path of keys; it sees what becomes of them."""

    def __init__(self, frame, chosen, path):
        self._frame, self._chosen, self._path = frame, chosen, path

    def _picked(self):
        if self._chosen is None:
            return list(self._frame._rows)
        return [row for row in self._frame._rows if _find(row, self._chosen, False)]

    def _keys(self, row):
        return [_find(row, key) if isinstance(key, _Keys) else key for key in self._path]

    def _key(self, key):
        keys = zip(self._picked(), _same(key, len(self))) if isinstance(key, _Points) else None
        return key if keys is None else _Keys(keys)

    def _values(self):
        for row in self._picked():
            value = row.data
            for key in self._keys(row):
                value = value[key]
            yield value

    def __iter__(self):
        return iter(list(self._values()))

    def __len__(self):
        return len(self._picked())

    def __getitem__(self, key):
        return _Points(self._frame, self._chosen, [*self._path, self._key(key)])

    def __setitem__(self, key, value):
        self.configure({self._key(key): value})

    def configure(self, changes):
        """Several keys at once; of several Vary the last is the fastest."""
        picked = self._picked()
        places = {row: i for i, row in enumerate(picked)}
        parts = [(key, _choices(value, len(picked))) for key, value in changes.items()]
        rows, changed = [], []
        for row in self._frame._rows:
            if row not in places:
                rows.append(row)
                continue
            path, made = self._keys(row), []
            for combo in itertools.product(*(part(places[row]) for _, part in parts)):
                data = row.data
                for (key, _), value in zip(parts, combo):
                    key = _find(row, key) if isinstance(key, _Keys) else key
                    data = _assigned(data, [*path, key], value)
                made.append(data)
            if len(made) == 1:
                changed.append((row, made[0]))
                rows.append(row)
            else:
                rows.extend(_Row(data, (row,)) for data in made)
        for row, data in changed:
            row.data = data
        self._frame._rows = rows
        return self

    def where(self, mask):
        """The points for which the mask is true; what is assigned there changes this frame."""
        chosen = {row: True for row, m in zip(self._picked(), _same(mask, len(self))) if m}
        return _Points(self._frame, chosen, self._path)

    def map(self, function):
        """function(**point) for each point that is a dictionary, else function(point)."""
        client = _client() if isinstance(function, (Task, _Bound)) else None
        if client:
            client.hold(True)
        try:
            return Frame([function(**x) if isinstance(x, dict) else function(x) for x in self])
        finally:
            if client:
                client.hold(False)

    def _compared(self, other, compare):
        others = _same(other, len(self)) if isinstance(other, _Points) else [other] * len(self)
        return Frame([compare(x, y) for x, y in zip(self, others)])

    def __eq__(self, other):
        return self._compared(other, operator.eq)

    def __ne__(self, other):
        return self._compared(other, operator.ne)

    def __lt__(self, other):
        return self._compared(other, operator.lt)

    def __le__(self, other):
        return self._compared(other, operator.le)

    def __gt__(self, other):
        return self._compared(other, operator.gt)

    def __ge__(self, other):
        return self._compared(other, operator.ge)

    __hash__ = None

    def get(self):
        """The results of a frame of runs, in order."""
        return Frame([run.get() for run in self])

    def join(self):
        for run in self:
            run.join()
        return self

    def load(self, filename, mode="r", load_func=None, *args, **kwargs):
        """What load_func(file) makes of that file of each run; without it what is in it."""
        loaded = []
        for run in self:
            with run.open(filename, mode) as file:
                loaded.append(load_func(file, *args, **kwargs) if load_func else file.read())
        return Frame(loaded)

    def group_by(self, *keys):
        """Points with equal keys become one, in which all else is lists (None: it was missing)."""
        if self is not self._frame:
            raise Error("group_by() is of a frame: of a part of it there would be nothing left")
        keys = [x for key in keys for x in (key if isinstance(key, (list, tuple)) else [key])]
        names = list(dict.fromkeys(name for row in self._rows for name in row.data))
        groups = []
        for row in self._rows:
            point = {key: row.data.get(key) for key in keys}
            rows = next((rows for other, rows in groups if other == point), None)
            if rows is None:
                groups.append((point, [row]))
            else:
                rows.append(row)
        self._rows = [_Row({**point, **{n: [r.data.get(n) for r in rows] for n in names
                                        if n not in point}}, tuple(rows))
                      for point, rows in groups]
        return self

    def __repr__(self):
        return f"Frame({list(self)!r})"


class _Keys(dict):
    """A key for each row."""

    __hash__ = object.__hash__


class Frame(_Points):
    """A list of points, of dictionaries as a rule: the arguments of a sweep, its runs, its results.
    Frame() has one point that is empty."""

    def __init__(self, data=None):
        self._rows = [_Row(point) for point in ([{}] if data is None else data)]
        super().__init__(self, None, [])

    @classmethod
    def make(cls, **values):
        n = _size_of(values)
        return cls([{} for _ in range(1 if n is None else n)]).configure(values)
