"""`re`, as far as a start needs it: in the layer it stands for it until somebody asks for more than patterns that were compiled ahead.

Those are in `start.bin`. Whatever else is asked for is the real module's, which is imported for it, and which everybody gets who imports
`re` from then on. The flags are plain numbers.
"""

import _sre

ARCHIVE = __spec__.loader
NOFLAG = 0
T = TEMPLATE = 1
I = IGNORECASE = 2  # noqa: E741
L = LOCALE = 4
M = MULTILINE = 8
S = DOTALL = 16
U = UNICODE = 32
X = VERBOSE = 64
DEBUG = 128
A = ASCII = 256


def compile(pattern, flags=0):
    try:
        made = ARCHIVE.patterns.get((pattern, int(flags)))
    except TypeError:  # what has no hash is no pattern
        made = None
    return real().compile(pattern, flags) if made is None else _sre.compile(pattern, *made)


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    if name == "Pattern" and ARCHIVE.patterns:
        for (pattern, _), made in ARCHIVE.patterns.items():
            return type(_sre.compile(pattern, *made))
    return getattr(real(), name)


_real = []


def real():
    """re itself, imported now."""
    if not _real:
        _real.append(ARCHIVE.real("re"))
    return _real[0]
