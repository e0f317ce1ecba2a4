"""What of the function's items arrived at the intake, read from the documents that it decoded."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import attrs

from emulator.arrival import Arrival
from emulator.world.items import TAG

MARKED = re.compile(r"item-(\d+)-")


@attrs.define
class Arrived:
    """What the intake took during one life. Item numbers to how often, and for lines under which request ids."""

    items: Counter[int] = attrs.field(factory=Counter)
    owners: list[tuple[int, str | None]] = attrs.field(factory=list)
    values: dict[int, list[tuple[float, int]]] = attrs.field(factory=dict)  # value (of sketches the sum) and count
    by_kind: Counter[str] = attrs.field(factory=Counter)  # every entry, series and sketch, ours too
    invocations: float = 0.0
    own_spans: list[tuple[str, int]] = attrs.field(factory=list)  # of invocations: request id, and the id of the span
    problems: list[str] = attrs.field(factory=list)


def read_arrivals(arrivals: Iterable[Arrival]) -> Arrived:
    arrived = Arrived()
    for arrival in arrivals:
        arrived.problems += arrival.decoded.problems
        if arrival.kept and arrival.decoded.document is not None:
            _READERS.get(arrival.decoded.kind, _ignore)(arrival.decoded.document, arrived)
    return arrived


def _read_logs(document: Any, arrived: Arrived) -> None:
    arrived.by_kind["logs"] += len(document)
    for entry in document:
        message = entry["message"]
        if (found := MARKED.search(message["message"])) is not None:
            number = int(found[1])
            arrived.items[number] += 1
            arrived.owners.append((number, message["lambda"]["request_id"]))


def _read_series(document: Any, arrived: Arrived) -> None:
    arrived.by_kind["series"] += len(document["series"])
    for item in document["series"]:
        value = item["points"][0]["value"]
        if (number := _number(item["tags"])) is not None:
            arrived.items[number] += 1
            arrived.values.setdefault(number, []).append((value, 1))


def _read_sketches(document: Any, arrived: Arrived) -> None:
    arrived.by_kind["sketches"] += len(document["sketches"])
    for item in document["sketches"]:
        if (number := _number(item.get("tags", ()))) is not None:
            arrived.items[number] += 1
            sketch = item["dogsketches"][0]
            arrived.values.setdefault(number, []).append((sketch.get("sum", 0.0), sketch["cnt"]))
        elif item["metric"] == "aws.lambda.enhanced.invocations":
            arrived.invocations += item["dogsketches"][0]["cnt"]


def _read_traces(document: Any, arrived: Arrived) -> None:
    for payload in document.get("tracer_payloads", ()):
        for chunk in payload.get("chunks", ()):
            for span in chunk.get("spans", ()):
                arrived.by_kind["traces"] += 1
                if (found := MARKED.search(span["resource"])) is not None:
                    arrived.items[int(found[1])] += 1
                elif span["name"] == "aws.lambda":
                    arrived.own_spans.append((span["meta"]["request_id"], span["span_id"]))


def _read_stats(document: Any, arrived: Arrived) -> None:
    for payload in document["Stats"]:
        for bucket in payload["Stats"]:
            for group in bucket["Stats"]:
                arrived.by_kind["stats"] += 1
                if (found := MARKED.search(group["Resource"])) is not None:
                    arrived.items[int(found[1])] += 1


def _number(tags: Iterable[str]) -> int | None:
    return next((int(tag.removeprefix(TAG)) for tag in tags if tag.startswith(TAG)), None)


def _ignore(document: Any, arrived: Arrived) -> None:
    """Events and service checks: the function of this world sends none."""


_READERS = {"logs": _read_logs, "series": _read_series, "sketches": _read_sketches, "traces": _read_traces, "stats": _read_stats}
