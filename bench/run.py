"""All benchmarks, each in a process of its own, as one table: `python -m bench.run [NAME...]`.

A figure never fails it, however bad: machines differ. A benchmark that cannot be run does.
"""

import importlib
import json
import subprocess
import sys
from pathlib import Path

from bench.table import Row, show

ROOT = Path(__file__).resolve().parent.parent
HELPERS = ("__init__", "run", "least", "table", "traffic")
LONGEST_S = 120
ONE = "--one"


def main(names: list[str]) -> int:
    if names[:1] == [ONE]:
        print(json.dumps(importlib.import_module(f"bench.{names[1]}").rows()))
        return 0
    failures: list[str] = []
    rows = [row for name in names or every() for row in measured(name, failures)]
    show(rows)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def every() -> list[str]:
    return sorted(path.stem for path in (ROOT / "bench").glob("*.py") if path.stem not in HELPERS)


def measured(name: str, failures: list[str]) -> list[Row]:
    """One benchmark's rows, by a fresh interpreter."""
    try:
        done = subprocess.run([sys.executable, "-m", "bench.run", ONE, name], cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        failures.append(f"bench.{name} did not end within {LONGEST_S} s")
        return []
    if done.returncode:
        failures.append(f"bench.{name} failed:\n{done.stderr.strip()}")
        return []
    return [Row(*row) for row in json.loads(done.stdout)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
