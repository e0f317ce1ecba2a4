"""How an extension is started in a sandbox: this project's own, or any other command."""

import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NONE = "none"


def extension_command(text: str | None) -> tuple[str, ...] | None:
    """Of the option `--extension`: no text means ours. A relative path of a file means that file: the sandbox starts elsewhere."""
    if text is None:
        return ours()
    if text == NONE:
        return None
    program, *rest = shlex.split(text) or [""]
    path = Path(program)
    if path.is_file():
        return (str(path.resolve()), *rest)
    if not program or "/" in program:
        raise ValueError(f"there is no extension {program!r}")
    return (program, *rest)


def ours() -> tuple[str, ...]:
    """`python -m reactor` of this very tree, by the interpreter that runs now."""
    return ("/usr/bin/env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "reactor")


def recording(extension: tuple[str, ...], out: Path) -> tuple[str, ...]:
    """The same, told to write down what it is told. `out` must exist: the sandbox keeps visible what a command names."""
    return ("/bin/sh", "-c", 'export DD_RECORD_TELEMETRY_EVENTS="$0"; exec "$@"', str(out), *extension)
