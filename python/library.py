# ---- libdj ---------------------------------------------------------------------------------------

# Each function of dj.h: what it gives, its name, what it takes. Those marked ! may block, and let
# other threads run meanwhile.
_FUNCTIONS = """
p new z             v free p            !i connect_to pzu   i is_connected p    z error p
i error_code p      s note_count p      z note ps           v mem_free p        z version -
!i define pzszz     !i path pzipp       !i run_text pzzp    !i control pzz      !i progress pz
!i release pz       !i session_set pzz  !p tasks_open pz    !i tasks_next p     z tasks_params p
v tasks_close p     !i stat pzip        !i link pzp         !p file_open pzu    !q file_read pps
v file_close p      !p dir_open pz      !i dir_next pp      z dir_name p        v dir_close p
z daemon_mount p
p request_get pz    p request_reserve pz                    p request_follow pQ v request_free p
i request_add_bytes pzs                 i request_set_flags pu                  i submit p
i request_set_timeout pQ                i request_set_session pz                p next pi
i request_set_launch pz                 i request_ignore pz i request_keep pz   i cancel p
v request_set_cookie pp                 p request_cookie p  i fd p              h events p
i poll_timeout p    i request_code p    z request_error p   z request_note p    Q request_instance p
i request_bytes ppp i request_log ppp   i request_computed p
"""
_TYPES = {"p": ctypes.c_void_p, "z": ctypes.c_char_p, "i": ctypes.c_int, "u": ctypes.c_uint,
          "s": ctypes.c_size_t, "q": ctypes.c_int64, "Q": ctypes.c_uint64, "h": ctypes.c_short,
          "v": None}


class _Stat(ctypes.Structure):
    _fields_ = [("ino", ctypes.c_uint64), ("size", ctypes.c_uint64), ("mtime_ns", ctypes.c_int64),
                ("mode", ctypes.c_uint32), ("nlink", ctypes.c_uint32), ("uid", ctypes.c_uint32),
                ("gid", ctypes.c_uint32), ("reserved", ctypes.c_uint64 * 3)]


def _places():
    """Where the library may be: near this file, near the dj in PATH, where the system looks."""
    here = os.path.dirname(os.path.realpath(__file__))
    while here != "/":
        yield here
        here = os.path.dirname(here)
    program = shutil.which("dj")
    if program:
        yield os.path.dirname(os.path.realpath(program))
        yield os.path.dirname(os.path.dirname(os.path.realpath(program)))


def _find_library():
    for place in _places():
        for below in (SONAME, ".libs/" + SONAME, "lib/" + SONAME, "lib/*/" + SONAME):
            for path in sorted(glob.glob(os.path.join(glob.escape(place), below))):
                return path
    return SONAME


class _Library:
    def __init__(self):
        path = _find_library()
        try:
            slow, quick = ctypes.CDLL(path), ctypes.PyDLL(path)
        except OSError as error:
            raise Error(f"{SONAME} cannot be loaded: {error}; is djfs installed, or its dj in "
                        "PATH?", errno.ENOENT) from None
        words = iter(_FUNCTIONS.split())
        for gives, name, takes in zip(words, words, words):
            function = getattr(slow if gives[0] == "!" else quick, "dj_" + name)
            function.restype = _TYPES[gives[-1]]
            function.argtypes = [_TYPES[letter] for letter in takes if letter != "-"]
            setattr(self, name, function)


_lib = None


def _library():
    global _lib
    if _lib is None:
        _lib = _Library()
    return _lib
