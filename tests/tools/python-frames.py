# Frames of djfs.py, which need no daemon. Prints ok.
import djfs as dj


def points(frame):
    return [tuple(point.values()) for point in frame]


def refused(function):
    try:
        function()
    except dj.RangeError as error:
        return str(error)
    raise AssertionError("not refused")


# One empty point at first; a value goes to all, a frame to each its own.
frame = dj.Frame()
assert list(frame) == [{}] and len(frame) == 1
frame["a"] = dj.Vary([1, 2, 3])
frame["b"] = "x"
frame["c"] = frame["a"]
assert list(frame) == [{"a": a, "b": "x", "c": a} for a in (1, 2, 3)]
frame["c"] = dj.Frame([7, 8, 9])
assert list(frame["c"]) == [7, 8, 9]
assert refused(lambda: frame.configure({"c": dj.Frame([1])})) == "a frame of 1 points beside one of 3"
assert list(frame["c"]) == [7, 8, 9]

# Several Varys: the last is the fastest, also in make(); an empty one leaves nothing.
frame = dj.Frame().configure({"n": dj.Vary([0, 1]), "s": dj.Vary("xy")})
assert points(frame) == [(0, "x"), (0, "y"), (1, "x"), (1, "y")]
assert points(dj.Frame.make(n=dj.Vary([0, 1]), s=dj.Vary("xy"))) == points(frame)
assert len(dj.Frame.make(n=dj.Vary([]), s=dj.Vary("xy"))) == 0
assert points(dj.Frame.make(a=dj.Frame([4, 5]), b=dj.Vary([1, 2]))) == [(4, 1), (4, 2), (5, 1), (5, 2)]

# Vary of a frame of lists, a frame among the values, both inside of lists and dictionaries.
frame = dj.Frame([{"a": 0}, {"a": 1}, {"a": 2}])
frame["b"] = dj.Vary(frame["a"].map(range))
assert points(frame) == [(1, 0), (2, 0), (2, 1)]
frame["c"] = dj.Vary([9, frame["a"]])
assert points(frame) == [(1, 0, 9), (1, 0, 1), (2, 0, 9), (2, 0, 2), (2, 1, 9), (2, 1, 2)]
frame = dj.Frame([{"a": 0}, {"a": 1}])
frame["d"] = {"k": [dj.Vary([1, 2]), frame["a"]], "l": (frame["a"],)}
assert [p["d"] for p in frame] == [{"k": [1, 0], "l": (0,)}, {"k": [2, 0], "l": (0,)},
                                   {"k": [1, 1], "l": (1,)}, {"k": [2, 1], "l": (1,)}]

# Nested assignment changes no other point, though they had the same dictionary.
inner = {"x": 1}
frame = dj.Frame.make(n=dj.Vary(range(3)), d=inner)
frame["d"]["x"] = frame["n"]
frame["d"]["y"] = 5
frame["e"]["f"] = 6
assert [p["d"]["x"] for p in frame] == [0, 1, 2] and inner == {"x": 1}
assert list(frame["d"]["y"]) == [5, 5, 5] and list(frame["e"]) == [{"f": 6}] * 3

# Keys of a frame, one for each point.
frame = dj.Frame([{"a": 1, "b": 2}, {"a": 3, "b": 4}])
assert list(frame[dj.Frame(["a", "b"])]) == [1, 4]
frame[dj.Frame(["b", "a"])] = 0
assert list(frame) == [{"a": 1, "b": 0}, {"a": 0, "b": 4}]

# A cursor: what is assigned there changes the frame, nothing else, and no point is ever dropped.
frame = dj.Frame.make(a=dj.Vary(range(4)))
even = frame.where(frame["a"].map(lambda a: a % 2 == 0))
even["b"] = dj.Vary("xy")
assert [tuple(p.values()) for p in frame] == [(0, "x"), (0, "y"), (1,), (2, "x"), (2, "y"), (3,)]
assert len(even) == 4
even["c"] = dj.Vary([1, 2])
even["d"] = 1
assert len(frame) == 10 and len(even) == 8 and sum("d" in p for p in frame) == 8
frame["e"] = dj.Vary([0, 1])
assert len(frame) == 20 and len(even) == 16
first = even.where(even["b"] == "x")
assert len(first) == 8 and set(first["b"]) == {"x"}
assert refused(lambda: frame.where([True])) == "a frame of 1 points beside one of 20"

# Comparing gives masks.
numbers = dj.Frame([1, 2, 3])
assert list(numbers == 2) == [False, True, False] and list(numbers != 2) == [True, False, True]
assert list(numbers < 2) == [True, False, False] and list(numbers >= dj.Frame([1, 3, 3])) == [True, False, True]
refused(lambda: numbers == dj.Frame([1]))

# map: a dictionary's entries are keywords; group_by; what is missing is None.
assert list(dj.Frame([{"a": 1, "b": 2}]).map(lambda a, b: a + b)) == [3]
assert list(numbers.map(lambda n: n * n)) == [1, 4, 9]
frame = dj.Frame([{"a": 1, "b": 2}, {"a": 2, "b": 9}, {"a": 1, "c": 3}])
assert frame.group_by("a") is frame
assert list(frame) == [{"a": 1, "b": [2, None], "c": [None, 3]}, {"a": 2, "b": [9], "c": [None]}]
assert repr(numbers) == "Frame([1, 2, 3])"

# The definition of a function, with rules for parts of a dictionary.
@dj.task(name="rules", config=dj.Depend("lr", seed=dj.Ignore, model=dj.Depend(name=dj.Keep)),
         other=dj.Ignore, help="two\n  lines ", env={"A": "x y"}, track=["a b", "c"])
def rules(n: int, config, other: float = 1, *, s: "str" = " x"):
    pass


assert rules.definition().split("\n")[2:] == [
    "params = n:int, config:json, other:float, s:str", "default.other = 1.0", "default.s =", "    | x",
    "launch = resident", "help =", "    |two", "    |  lines ", "env.A = x y", "track = 'a b', c",
    "ignore = config.seed, other", "depend = config.lr, config.model.name", ""] + [""]
print("ok")
