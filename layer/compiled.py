"""Runs in the layer's own kind of Python, with nothing but its standard library: sources become bytecode, once, the same every time.

    python compiled.py SOURCES TARGET [SOURCES TARGET]...

A file that cannot be compiled stops it. What is no Python is copied.
"""

import importlib.util
import marshal
import sys
from pathlib import Path

OPTIMIZE = 2  # neither assertions nor docstrings


def compile_all(sources: Path, target: Path) -> None:
    """A folder, or one file."""
    if sources.is_file():
        target.write_bytes(bytecode(sources, sources.name))
        return
    for source in sorted(sources.rglob("*")):
        path = source.relative_to(sources)
        if source.is_dir() or "__pycache__" in path.parts:
            continue
        compiled = target / (path.with_suffix(".pyc") if source.suffix == ".py" else path)
        compiled.parent.mkdir(parents=True, exist_ok=True)
        compiled.write_bytes(bytecode(source, str(path)) if source.suffix == ".py" else source.read_bytes())


def bytecode(source: Path, name: str) -> bytes:
    """As a `.pyc` that is never compared with a source."""
    code = compile(source.read_bytes(), name, "exec", dont_inherit=True, optimize=OPTIMIZE)
    # Read once and written again: what is shared within the code, and so its bytes, no longer depends on what was compiled before.
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(marshal.loads(marshal.dumps(code)))


if __name__ == "__main__":
    pairs = sys.argv[1:]
    for sources, target in zip(pairs[::2], pairs[1::2], strict=True):
        compile_all(Path(sources), Path(target))
