"""What the function emits, each with a number that can be found again at the intake, and the rule of whose a log line is.

The rule is written down here a second time, on purpose: it is what the extension's own is held against (specification, logs 3).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

LIBRARY_KINDS = ("span", "statistics")
LINE_KINDS = ("text", "json_text", "object", "foreign")
MARK, TAG = "item-", "item:"

Record = dict[str, Any]


@attrs.define
class Item:
    """One log line or one metric line. `posted` counts requests that held it whole, `accepted` those that were answered 200."""

    number: int
    kind: str
    life: int
    request_id: str
    posted: int = 0
    accepted: int = 0
    owners: list[str | None] = attrs.field(factory=list)  # whose the line is each time it is read; None: nobody's
    taken: bool = False  # its datagram was read from the socket

    @property
    def is_line(self) -> bool:
        return self.kind in LINE_KINDS

    @property
    def value(self) -> float:
        """Of a metric: what must arrive."""
        return float(self.number % 7 + 1)

    def record(self) -> Any:
        """The `record` of a function's line."""
        text = f"{MARK}{self.number}- says {self.request_id or 'nobody'}"
        if self.kind == "json_text":
            return json.dumps({"level": "warn", "message": text})
        if self.kind == "object":
            return {"requestId": self.request_id, "level": "INFO", "message": text}
        return {"message": text, "level": "ERROR"} if self.kind == "foreign" else text

    def datagram(self) -> bytes:
        tag = f"#{TAG}{self.number}"
        value = f"{self.value:g}"
        texts = {
            "count": f"sim.count:{value}|c|{tag}",
            "gauge": f"sim.gauge:{value}|g|{tag}",
            "distribution": f"sim.distribution:{value}|d|{tag}",
            "packed": f"sim.distribution:{value}:{value}:{value}|d|{tag}",
            "equal": f"sim.count:{value}|c|{tag}\nsim.count:{value}|c|{tag},functionname:my-function",
            "odd": f"no metric at all\nsim.count:{value}|c|{tag}\n:::|c",
        }
        return texts[self.kind].encode()


class Items:
    """Every item of a run."""

    def __init__(self) -> None:
        self.all: list[Item] = []

    def new(self, kind: str, life: int, request_id: str) -> Item:
        item = Item(len(self.all), kind, life, request_id)
        self.all.append(item)
        return item

    def of_life(self, life: int) -> Iterator[Item]:
        return (item for item in self.all if item.life == life)


class Owners:
    """Whose a line is: that of its own id; else of the invocation that runs, or ended and is not yet reported; else of the next start.

    Managed instances run many invocations at once: there a line without an id is nobody's.
    """

    def __init__(self, is_managed: bool = False) -> None:
        self._is_managed = is_managed
        self._owner: str | None = None
        self._has_ended = False
        self._orphans: list[Item] = []

    def read(self, record: Record, item: Item | None) -> None:
        """The extension reads this record."""
        kind, fields = record["type"], record.get("record")
        if kind == "platform.initStart" and self._has_ended:
            self._owner = None
        elif item is not None:
            self._read_line(fields, item)
        elif isinstance(fields, Mapping) and kind in ("platform.start", "platform.runtimeDone", "platform.report"):
            self._read_platform(kind, fields["requestId"])

    def close(self) -> None:
        """No start comes any more."""
        self._give(None)

    def _read_line(self, fields: Any, item: Item) -> None:
        own = fields.get("requestId") if isinstance(fields, Mapping) else None
        owner = own if isinstance(own, str) else self._owner
        if owner is None and not self._is_managed:
            self._orphans.append(item)
        else:
            item.owners.append(owner)

    def _read_platform(self, kind: str, request_id: str) -> None:
        if self._is_managed:
            return
        if kind == "platform.start":
            self._owner, self._has_ended = request_id, False
            self._give(request_id)
        elif request_id == self._owner:
            self._has_ended = True
            if kind == "platform.report":
                self._owner = None

    def _give(self, owner: str | None) -> None:
        for item in self._orphans:
            item.owners.append(owner)
        self._orphans.clear()
