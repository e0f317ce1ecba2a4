"""Finds the spans that belong under an invocation whose library does not know of it: an application behind the Lambda Web Adapter, which
speaks HTTP and never sees the Runtime API. (specification, invocation 12.3, traces 5)
"""

from typing import Any

import attrs

Span = dict[str, Any]

ENTRIES_MAX = 500
REQUEST_ID = "request_id"


@attrs.define
class Entry:
    """Spans of `trace_id` whose parent is `parent_id` become children of `span_id`. A trace id of 0 is still to be found out."""

    request_id: str
    span_id: int
    parent_id: int
    trace_id: int


class Reparenting:
    """One entry for each invocation that runs, oldest first."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def expect(self, request_id: str, span_id: int, parent_id: int, trace_id: int) -> bool:
        """Look for spans of this request from here on. `parent_id` and `trace_id` are upstream's, 0 where there is none.

        False: there is an entry already, which stays.
        """
        if request_id in self._entries:
            return False
        self._entries[request_id] = Entry(request_id, span_id, parent_id, trace_id)
        if len(self._entries) > ENTRIES_MAX:
            del self._entries[next(iter(self._entries))]
        return True

    def trace_of(self, request_id: str) -> tuple[int, int]:
        """The trace id, 0 if no span has come, and the span id that the children were given; zeros without an entry."""
        entry = self._entries.get(request_id)
        return (0, 0) if entry is None else (entry.trace_id, entry.span_id)

    def forget(self, request_id: str) -> None:
        self._entries.pop(request_id, None)

    def on_span(self, span: Span) -> None:
        if not self._entries:
            return
        entry = self._entry_of(span)
        if entry is None:
            return
        entry.trace_id = entry.trace_id or span["trace_id"]
        if span["trace_id"] == entry.trace_id and span["parent_id"] == entry.parent_id and span["span_id"] != entry.span_id:
            span["parent_id"] = entry.span_id

    def _entry_of(self, span: Span) -> Entry | None:
        """The one that the span names; else the one of its trace; else the oldest that has found none, which is a guess."""
        if (named := self._entries.get(span["meta"].get(REQUEST_ID, ""))) is not None:
            return named
        entries = self._entries.values()
        own = next((entry for entry in entries if entry.trace_id == span["trace_id"]), None)
        return own or next((entry for entry in entries if not entry.trace_id), None)
