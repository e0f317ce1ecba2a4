"""Lines by which a runtime says that memory ran out. (specification, logs 7)"""

MARKERS = (
    "fatal error: runtime: out of memory",
    "java.lang.OutOfMemoryError",
    "JavaScript heap out of memory",
    "Runtime exited with error: signal: killed",
    "failed to allocate memory (NoMemoryError)",
    "OutOfMemoryException",
)
PYTHON_MARKER = "MemoryError"
OWN_MARKER = "DD_EXTENSION |"
"""Begins the message of every line of our own, which may quote what a function said."""

HINTS = ("emory", "killed")
"""Every marker holds one of these, so two short scans clear an ordinary line."""


def says_out_of_memory(text: str) -> bool:
    if "emory" not in text and "killed" not in text:
        return False
    if OWN_MARKER in text[:64]:
        return False
    return any(marker in text for marker in MARKERS) or _has_word_start(text, PYTHON_MARKER)


def _has_word_start(text: str, word: str) -> bool:
    """Whether the word occurs other than as the end of a longer name (`MyMemoryError` is somebody's own)."""
    at = text.find(word)
    while at != -1:
        if at == 0 or not (text[at - 1].isalnum() or text[at - 1] == "_"):
            return True
        at = text.find(word, at + 1)
    return False
