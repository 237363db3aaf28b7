# ---- errors --------------------------------------------------------------------------------------


class Error(Exception):
    """What was refused, or could not be done. errno is one of dj-tree(5), sentence its one line."""

    def __init__(self, sentence, number=errno.EINVAL):
        super().__init__(sentence)
        self.sentence, self.errno = sentence, number


class Failed(Error):
    """The run failed. log is what it had written; run the Run, or None."""

    def __init__(self, sentence, number=errno.EIO, run=None, log=""):
        tail = "\n".join(log.splitlines()[-20:])
        super().__init__(sentence + ("\n" + tail if tail else ""), number)
        self.sentence, self.run, self.log = sentence, run, log


class BadArgument(Error, TypeError):
    """An argument, a result or an option that cannot be one."""


class RangeError(Error, ValueError):
    """Frames that do not have as many points as each other."""


class NotCached(Error, LookupError):
    """cached=True, and there is no result."""


class NoTask(Error, LookupError):
    """There is no such task or run."""


class Timeout(Error, TimeoutError):
    """The time that was given is over."""


class NoDaemon(Error, ConnectionError):
    """No daemon listens, or it went away."""


_KINDS = {errno.ENOTCONN: NoDaemon, errno.ETIMEDOUT: Timeout, errno.EAGAIN: NotCached,
          errno.ENOENT: NoTask}


def _error(code, sentence):
    return _KINDS.get(-code, Error)(sentence or os.strerror(-code), -code)


class _EndOfImport(BaseException):
    """A task was called while its file is only being imported: see _execute()."""
