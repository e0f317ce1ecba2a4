"""Span pointers: links to the span that wrote what an event tells of, by a hash that both sides can make. (specification, triggers 7)"""

import json
from collections.abc import Iterable
from typing import Any

from pipelines.triggers.model import Pointer, Span
from pipelines.triggers.sha256 import sha256

SPAN_LINKS = "_dd.span_links"


def pointer_hash(parts: Iterable[str]) -> str:
    """The first 32 digits of the SHA-256 of the parts, joined by `|`. Lone surrogates, which JSON can name, count as question marks."""
    return sha256("|".join(parts).encode("utf-8", "replace")).hex()[:32]


def attach_pointers(span: Span, pointers: Iterable[Pointer]) -> None:
    """Add pointers to a span's links, behind those that it has; without pointers nothing changes."""
    added = [link_of(pointer) for pointer in pointers]
    if added:
        span["meta"][SPAN_LINKS] = json.dumps(links_of(span) + added, separators=(",", ":"))


def links_of(span: Span) -> list[Any]:
    """The links that a span has in its meta; what is no list of links is replaced."""
    try:
        links = json.loads(span["meta"].get(SPAN_LINKS, "[]"))
    except (ValueError, RecursionError):
        return []
    return links if type(links) is list else []


def link_of(pointer: Pointer) -> dict[str, Any]:
    attributes = {"link.kind": "span-pointer", "ptr.dir": "u", "ptr.hash": pointer.hash, "ptr.kind": pointer.kind}
    return {"trace_id": 0, "trace_id_high": 0, "span_id": 0, "attributes": attributes, "tracestate": "", "flags": 0}
