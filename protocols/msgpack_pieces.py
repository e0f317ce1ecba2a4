"""A large body of traces a few spans at a time: as maps, spans take some six times the memory of their bytes, and as long as they are being
read nobody else has a turn.

Between two pieces the caller may do something else. Only whole traces are told apart, so one giant trace is one piece: how large that may
be is bounded apart.
"""

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from protocols.msgpack_read import element_places, first_array, read_element
from protocols.msgpack_spans import read_trace
from protocols.msgpack_traces import BREAKS_OFF, decode, each_trace
from protocols.msgpack_v05 import STRINGS_MAX, trace_reader
from protocols.trace_values import Decoded, Malformed, Span

WHOLE_BYTES_MAX = 512 * 1024
PIECE_SPANS_MAX = 100
PIECE_BYTES_MAX = 256 * 1024
TRACE_BYTES_MAX = 20 * 1024 * 1024
"""One trace of a large body: as much as the largest request that a tracer makes of its own accord."""

IN_PIECES = frozenset({"v0.3", "v0.4", "v0.5"})
"""Versions whose traces stand one after the other in an array, with all that they need before them."""


def decode_in_pieces(version: str, body: bytes) -> Iterator[Decoded]:
    """What `decode` gives, in several parts if the body is large: the same chunks and refusals in the same order.

    The bound on spans that are decoded together counts for each part. What a large body brings behind its traces is not looked at.
    Raises Malformed, with the first piece or not at all.
    """
    if len(body) <= WHOLE_BYTES_MAX or version not in IN_PIECES:
        yield decode(version, body)
    elif version == "v0.5":
        read = trace_reader(first_array(body, STRINGS_MAX))
        yield from _pieces(body, element_places(body, 1, of=2), read)
    else:
        yield from _pieces(body, element_places(body), read_trace)


@attrs.define
class _Piece:
    """Traces that together have about as many spans, or bytes, as a piece may have."""

    traces: list[Any] = attrs.field(factory=list)
    too_large: list[str] = attrs.field(factory=list)
    spans: int = 0
    size: int = 0

    def add(self, body: bytes, start: int, end: int) -> None:
        if end - start > TRACE_BYTES_MAX:
            self.too_large.append("a trace has too many bytes")
            return
        trace = read_element(body, start, end)
        self.traces.append(trace)
        self.spans += max(1, len(trace)) if type(trace) is list else 1
        self.size += end - start

    @property
    def is_full(self) -> bool:
        return self.spans >= PIECE_SPANS_MAX or self.size >= PIECE_BYTES_MAX

    def decoded(self, read: Callable[[Any], list[Span]], *more: str) -> Decoded:
        traces, self.traces = self.traces, []
        chunks, refused = each_trace(traces, read)
        return Decoded(chunks, [*refused, *self.too_large, *more])


def _pieces(body: bytes, places: Iterator[tuple[int, int]], read: Callable[[Any], list[Span]]) -> Iterator[Decoded]:
    """A body that breaks off counts as far as it came; one of which nothing came whole is malformed."""
    piece, is_first = _Piece(), True
    try:
        for start, end in places:
            piece.add(body, start, end)
            if piece.is_full:
                yield piece.decoded(read)
                piece, is_first = _Piece(), False
    except Malformed:
        if is_first and not piece.size and not piece.too_large:
            raise
        yield piece.decoded(read, BREAKS_OFF)
        return
    if piece.traces or piece.too_large or is_first:
        yield piece.decoded(read)
