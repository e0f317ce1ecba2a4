"""All machines by name, each imported when it is asked for: drawing and checking want them all, the start-up path never does."""

import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from fsm.engine import Table

NAMES = ("on_demand", "invocation", "flush", "delivery")


class Machines(Mapping[str, Table[Any, Any]]):
    """Machine name to table, in the order in which a reader wants to meet them. Raises KeyError for any other name."""

    def __getitem__(self, name: str) -> Table[Any, Any]:
        if name not in NAMES:
            raise KeyError(name)
        table = import_module(f"fsm.{name}").TABLE
        assert isinstance(table, Table)
        return table

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


MACHINES = Machines()


def about(name: str) -> str:
    """What a machine is for: the first paragraph of its module's docstring, on one line."""
    text = inspect.getdoc(import_module(f"fsm.{name}")) or ""
    return " ".join(text.split("\n\n")[0].split())
