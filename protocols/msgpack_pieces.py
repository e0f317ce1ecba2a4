"""A large body of traces a few spans at a time: as maps, spans take some six times the memory of their bytes, and as long as they are being
read nobody else has a turn.

Between two pieces the caller may do something else. Only whole traces are told apart, so one giant trace is one piece.
"""

from collections.abc import Iterator
from typing import Any

from protocols.msgpack_read import complete_elements
from protocols.msgpack_spans import read_trace
from protocols.msgpack_traces import BREAKS_OFF, decode, each_trace
from protocols.msgpack_v05 import trace_reader
from protocols.trace_values import Decoded, Malformed

WHOLE_BYTES_MAX = 512 * 1024
PIECE_SPANS_MAX = 500
IN_PIECES = frozenset({"v0.3", "v0.4", "v0.5"})
"""Versions whose traces stand one after the other in an array, with all that they need before them."""


def decode_in_pieces(version: str, body: bytes) -> Iterator[Decoded]:
    """What `decode` gives, in several parts if the body is large: the same chunks and refusals in the same order.

    The bound on spans that are decoded together counts for each part.
    Raises Malformed, with the first piece or not at all.
    """
    if len(body) <= WHOLE_BYTES_MAX or version not in IN_PIECES:
        yield decode(version, body)
        return
    if version == "v0.5":
        read, traces = trace_reader(list(complete_elements(body, 0))), complete_elements(body, 1, of=2)
    else:
        read, traces = read_trace, complete_elements(body)
    for raw, ends in _groups(traces):
        chunks, refused = each_trace(raw, read)
        yield Decoded(chunks, [*refused, *([BREAKS_OFF] if ends else [])])


def _groups(traces: Iterator[Any]) -> Iterator[tuple[list[Any], bool]]:
    """Traces that together have about as many spans as a piece may have; and whether the body breaks off behind them."""
    group: list[Any] = []
    spans, is_first = 0, True
    try:
        for trace in traces:
            group.append(trace)
            spans += len(trace) if type(trace) is list else 1
            if spans >= PIECE_SPANS_MAX:
                yield group, False
                group, spans, is_first = [], 0, False
    except Malformed:
        if is_first and not group:
            raise
        yield group, True
        return
    if group or is_first:
        yield group, False
