"""Recorded runs as text: one JSON document per line, a header first, then what the extension was told, in order (docs/fixtures.md).

A sandbox that is reset starts the extension anew, and a further header begins its next life. Reading is strict: a line that is not as it
should be raises FixtureError with file, line number and reason. Sans-I/O: lines in, values out.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs

from protocols.http_server import Request

FORMAT = "lambda-reactor/1"
SECRET_WORDS = ("key", "token", "secret", "authorization", "cookie")  # in the names of headers


class FixtureError(ValueError):
    """A fixture that cannot be read: file, line number and reason."""

    def __init__(self, name: str, line: int, reason: str) -> None:
        super().__init__(f"{name}:{line}: {reason}")
        self.name, self.line, self.reason = name, line, reason


@attrs.frozen
class Header:
    """The first line. `epoch_ms` is the wall clock at `at_ms` 0; `environment` what the process was given, keys left out."""

    name: str
    epoch_ms: int
    environment: dict[str, str]
    text: str = ""


@attrs.frozen
class Told:
    """One thing the extension was told, `at_ms` after the first line. `fields` by kind: see KINDS."""

    at_ms: int
    kind: str
    fields: dict[str, Any]


def _list_of_objects(value: object) -> bool:
    return isinstance(value, list) and set(map(type, value)) <= {dict}


def _texts(value: object) -> bool:
    return isinstance(value, list) and set(map(type, value)) <= {str}


def _pairs_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(_texts(pair) and len(pair) == 2 for pair in value)


def _is(kind: type) -> Callable[[object], bool]:
    return lambda value: type(value) is kind


# Kind -> field -> (check, required). A field that is not listed is an error: a misspelt one must not pass for an absent one.
KINDS: dict[str, dict[str, tuple[Callable[[object], bool], bool]]] = {
    "register": {"account_id": (_is(str), False), "refused": (_is(str), False)},
    "subscribe": {"refused": (_is(str), False)},
    "next": {"answer": (_is(dict), False), "failed": (_is(str), False), "fatal": (_is(bool), False)},
    "telemetry": {"records": (_list_of_objects, True), "refused": (_texts, False)},
    "datagrams": {"lines": (_texts, False), "base64": (_texts, False)},
    "request": {
        "method": (_is(str), True),
        "target": (_is(str), True),
        "headers": (_pairs_of_texts, False),
        "text": (_is(str), False),
        "base64": (_is(str), False),
    },
    "clock": {"jump_ms": (_is(int), True)},
    "intake": {"status": (_is(int), False), "after_ms": (_is(int), False), "fails": (_is(str), False)},
    "settle": {"after_ms": (_is(int), True)},
    "sigterm": {},
    "crashed": {"region": (_is(str), True), "times": (_is(int), True)},
}


def lives(lines: Iterable[str | bytes], name: str) -> Iterator[tuple[Header, Iterator[Told]]]:
    """Each life: its header, and the rest as it is read. Raises FixtureError, for what comes later while it is iterated.

    Lives follow each other in one stream of lines: what is left unread of one is skipped, but checked, when the next is asked for.
    """
    numbered = _numbered(lines)
    begins = [_first(numbered, name)]
    while begins:
        told = _rest(numbered, name, begins)
        yield begins.pop(), told
        for _ in told:
            pass


def parse(lines: Iterable[str | bytes], name: str) -> tuple[Header, Iterator[Told]]:
    """The header, and the rest as it is read, of a recording of one life. Raises FixtureError, for the rest while it is iterated."""
    numbered = _numbered(lines)
    return _first(numbered, name), _rest(numbered, name, None)


def _numbered(lines: Iterable[str | bytes]) -> Iterator[tuple[int, str | bytes]]:
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


def _first(numbered: Iterator[tuple[int, str | bytes]], name: str) -> Header:
    number, first = next(numbered, (1, ""))
    return _header(_document(first, name, number), name, number)


def _rest(numbered: Iterator[tuple[int, str | bytes]], name: str, begins: list[Header] | None) -> Iterator[Told]:
    """What was told, up to the next header, which goes into `begins`; without that there must be none."""
    before = 0
    for number, line in numbered:
        document = _document(line, name, number)
        if "fixture" in document:
            if begins is None:
                raise FixtureError(name, number, "a second life begins here, where one is wanted")
            begins.append(_header(document, name, number))
            return
        told = _told(document, name, number)
        if told.at_ms < before:
            raise FixtureError(name, number, f"at_ms goes back from {before} to {told.at_ms}")
        before = told.at_ms
        yield told


def _document(line: str | bytes, name: str, number: int) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FixtureError(name, number, f"not JSON: {error}") from error
    if type(document) is not dict:
        raise FixtureError(name, number, "not a JSON object")
    return document


def _header(document: dict[str, Any], name: str, number: int) -> Header:
    if document.get("fixture") != FORMAT:
        raise FixtureError(name, number, f'the first line must say "fixture": "{FORMAT}"')
    epoch_ms, environment = document.get("epoch_ms"), document.get("environment", {})
    if type(epoch_ms) is not int or epoch_ms < 0:
        raise FixtureError(name, number, "epoch_ms must be a whole number")
    if type(environment) is not dict or not all(type(value) is str for value in environment.values()):
        raise FixtureError(name, number, "environment must hold texts")
    return Header(str(document.get("name", name)), epoch_ms, environment, str(document.get("text", "")))


def _told(document: dict[str, Any], name: str, number: int) -> Told:
    at_ms, kind = document.pop("at_ms", None), document.pop("in", None)
    if type(at_ms) is not int or at_ms < 0:
        raise FixtureError(name, number, "at_ms must be a whole number")
    known = KINDS.get(kind) if type(kind) is str else None
    if known is None:
        raise FixtureError(name, number, f"in must be one of {', '.join(KINDS)}")
    for field, value in document.items():
        if (check := known.get(field)) is None:
            raise FixtureError(name, number, f"{kind} has no field {field!r}")
        if not check[0](value):
            raise FixtureError(name, number, f"{kind}: {field} has a wrong type")
    if len(document) < len(known):
        for field, (_, required) in known.items():
            if required and field not in document:
                raise FixtureError(name, number, f"{kind} needs {field}")
    if kind == "next" and ("answer" in document) == ("failed" in document):
        raise FixtureError(name, number, "next needs either answer or failed")
    return Told(at_ms, kind, document)


def header_line(header: Header) -> str:
    document = {"fixture": FORMAT, "name": header.name, "epoch_ms": header.epoch_ms, "environment": header.environment}
    if header.text:
        document["text"] = header.text
    return _line(document)


def told_line(told: Told) -> str:
    return _line({"at_ms": told.at_ms, "in": told.kind, **told.fields})


def datagram_fields(datagrams: list[bytes]) -> dict[str, Any]:
    """Datagrams as text; if one of them is not UTF-8, all of them as base64."""
    try:
        return {"lines": [datagram.decode() for datagram in datagrams]}
    except UnicodeDecodeError:
        return {"base64": [b64encode(datagram).decode() for datagram in datagrams]}


def datagrams_of(fields: dict[str, Any]) -> list[bytes]:
    """Raises ValueError for base64 that is none."""
    if "base64" in fields:
        return [b64decode(text, validate=True) for text in fields["base64"]]
    return [text.encode("utf-8", "surrogatepass") for text in fields.get("lines", ())]


def request_fields(request: Request) -> dict[str, Any]:
    """A request as text; a body that is not UTF-8 as base64. Headers that may be or hold a secret are left out."""
    fields: dict[str, Any] = {"method": request.method, "target": request.target}
    kept = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    fields["headers"] = [[name, value] for name, value in kept if not any(word in name for word in SECRET_WORDS)]
    try:
        return fields | {"text": request.body.decode()}
    except UnicodeDecodeError:
        return fields | {"base64": b64encode(request.body).decode()}


def request_of(fields: dict[str, Any]) -> Request:
    """Raises ValueError for base64 that is none, and for headers that no request could have."""
    headers = tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields.get("headers", ()))
    encoded, text = fields.get("base64"), fields.get("text", "")
    body = text.encode("utf-8", "surrogatepass") if encoded is None else b64decode(encoded, validate=True)
    return Request(fields["method"], fields["target"], headers, body)


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n"
