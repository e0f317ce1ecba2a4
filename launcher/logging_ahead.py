"""`logging`, until somebody has a line to say: in the layer it stands for it.

Its loggers remember what they were told of handlers and levels. Whatever else is asked for is the real module's, which is imported for it,
is told the same, and which everybody gets who imports `logging` from then on.
"""

ARCHIVE = __spec__.loader
NOTSET, DEBUG, INFO, WARNING, ERROR, CRITICAL = range(0, 60, 10)
_told = []
_real = []


class Logger:
    def __init__(self, name):
        self._name = name

    def addHandler(self, handler):
        _tell(self._name, "addHandler", handler)

    def setLevel(self, level):
        _tell(self._name, "setLevel", level)

    def __getattr__(self, name):
        return getattr(real().getLogger(self._name), name)


def getLogger(name=None):
    return real().getLogger(name) if _real else Logger(name)


def _tell(name, method, value):
    if _real:
        getattr(_real[0].getLogger(name), method)(value)
    else:
        _told.append((name, method, value))


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(real(), name)


def real():
    """logging itself, imported now."""
    if not _real:
        _real.append(ARCHIVE.real("logging"))
        for one in _told:
            _tell(*one)
    return _real[0]
