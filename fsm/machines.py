"""All machines by name, each imported when it is asked for: drawing and checking want them all, the start-up path never does."""

import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from fsm.engine import Table

# Name, in the order in which a reader wants to meet them, to its module and what it is called there.
PLACES = {
    "on_demand": ("on_demand", "TABLE"),
    "invocation": ("invocation", "TABLE"),
    "tracing": ("tracing", "TABLE"),
    "pairing": ("pairing", "TABLE"),
    "flush": ("flush", "TABLE"),
    "delivery": ("delivery", "TABLE"),
    "secret": ("secret", "TABLE"),
    "destination": ("destination", "TABLE"),
    "life": ("managed", "LIFE"),
    "asking": ("managed", "ASKING"),
    "flusher": ("managed", "FLUSHER"),
    "managed_invocation": ("managed_invocation", "TABLE"),
}


class Machines(Mapping[str, Table[Any, Any]]):
    """Machine name to table. Raises KeyError for any other name."""

    def __getitem__(self, name: str) -> Table[Any, Any]:
        module, attribute = PLACES[name]
        table = getattr(import_module(f"fsm.{module}"), attribute)
        assert isinstance(table, Table)
        return table

    def __iter__(self) -> Iterator[str]:
        return iter(PLACES)

    def __len__(self) -> int:
        return len(PLACES)

    def __contains__(self, name: object) -> bool:
        return name in PLACES


MACHINES = Machines()


def about(name: str) -> str:
    """What a machine is for, on one line: its module's first paragraph or, where several live in one, what its states are of."""
    module, attribute = PLACES[name]
    if attribute == "TABLE":
        return _first_paragraph(import_module(f"fsm.{module}"))
    states = _first_paragraph(type(MACHINES[name].initial))
    return f"On {module} instances: {states[0].lower()}{states[1:]}"


def _first_paragraph(thing: Any) -> str:
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
