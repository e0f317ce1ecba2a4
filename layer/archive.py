"""Runs in the layer's own kind of Python: finds out what a start imports, and writes it into one file, `start.bin` (launcher/start.py).

    python archive.py ROOT
"""

import sys

BARE = frozenset(sys.modules)  # before anything else is imported
HEADER_BYTES = 16  # of a .pyc
FOLDERS = ("lib/python3.11", "site")


def imported(root: str) -> list[str]:
    """What is loaded when the extension is, in the order of names."""
    sys.path[:] = [f"{root}/lib/python3.11", f"{root}/lib/python3.11/lib-dynload", f"{root}/site"]
    import reactor.__main__
    import reactor.hand_over
    import reactor.run

    return sorted(set(sys.modules) - BARE)


def entries(root: str, names: list[str]) -> dict[str, tuple[bool, str, bytes]]:
    """Those that are bytecode; built-in modules and machine code are found as ever."""
    found = {}
    for name in names:
        path = name.replace(".", "/")
        for file in [f"{folder}/{path}{end}.pyc" for folder in FOLDERS for end in ("/__init__", "")]:
            try:
                with open(f"{root}/{file}", "rb") as opened:
                    found[name] = file.endswith("/__init__.pyc"), f"/{file}", opened.read()[HEADER_BYTES:]
            except FileNotFoundError:
                continue
    return found


if __name__ == "__main__":
    import marshal

    root = sys.argv[1]
    with open(f"{root}/start.bin", "wb") as file:
        file.write(marshal.dumps(entries(root, imported(root))))
