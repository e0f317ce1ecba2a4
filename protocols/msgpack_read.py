"""One msgpack value out of bytes that nobody vouches for.

Before anything is built, the bytes are walked through once without building: what claims more elements than it brings, or nests too deep,
is refused while it has cost nothing but that walk (a thirtieth of the reading).
"""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import msgpack  # type: ignore[import-untyped]

from protocols.trace_values import Malformed

READ_BYTES = 65_536  # how much the walk looks at in one go: the body is never copied as a whole
_READING = {"strict_map_key": False, "unicode_errors": "replace"}
_STRUCTURAL = (msgpack.UnpackException, ValueError, TypeError, RecursionError, MemoryError)


def read_value(body: bytes) -> Any:
    """The first value of `body`; what follows it is ignored. Text that is no UTF-8 comes with replacement characters. Raises Malformed."""
    return _build(body[: _end_of_first(body)])


def _end_of_first(body: bytes) -> int:
    walker = _walker(body)
    try:
        walker.skip()
    except _STRUCTURAL as error:
        raise Malformed(f"not msgpack: {reason(error)}") from error
    return int(walker.tell())


def _walker(body: bytes) -> Any:
    return msgpack.Unpacker(BytesIO(body), read_size=READ_BYTES, max_buffer_size=max(len(body), READ_BYTES))


def _build(data: bytes) -> Any:
    try:
        return msgpack.unpackb(data, **_READING)
    except TypeError:  # a list or a map as the key of a map
        return _build_leniently(data)
    except _STRUCTURAL as error:
        raise Malformed(f"not msgpack: {reason(error)}") from error


def _build_leniently(data: bytes) -> Any:
    """Like `_build`, with None in the place of each map that no dict can hold."""
    try:
        return msgpack.unpackb(data, object_pairs_hook=_map_or_none, **_READING)
    except _STRUCTURAL as error:
        raise Malformed(f"not msgpack: {reason(error)}") from error


def _map_or_none(pairs: list[tuple[Any, Any]]) -> dict[Any, Any] | None:
    try:
        return dict(pairs)
    except TypeError:
        return None


def complete_elements(body: bytes, place: int | None = None, of: int | None = None) -> Iterator[Any]:
    """The elements of an array one by one, as long as they are whole; then Malformed is raised.

    The array is the body itself, or stands at `place` in it; `of` says how many elements must stand there.
    """
    for start, end in element_places(body, place, of):
        yield read_element(body, start, end)


def element_places(body: bytes, place: int | None = None, of: int | None = None) -> Iterator[tuple[int, int]]:
    """As `complete_elements`, but only where each begins and ends: nothing is built."""
    walker = _walker(body)
    try:
        if place is not None:
            _enter(walker, place, of)
        count = walker.read_array_header()
        for _ in range(count):
            start = walker.tell()
            walker.skip()
            yield start, walker.tell()
    except _STRUCTURAL as error:
        raise Malformed(f"not msgpack: {reason(error)}") from error


def read_element(body: bytes, start: int, end: int) -> Any:
    """The value that stands between these places. Raises Malformed."""
    return _build(body[start:end])


def first_array(body: bytes, elements_max: int) -> list[Any]:
    """The first element of an array, if it is an array itself. Raises Malformed, also if it is not there whole or has too many elements."""
    walker, counter = _walker(body), _walker(body)
    try:
        _enter(walker, 0, None)
        _enter(counter, 0, None)
        count = counter.read_array_header()
        start = walker.tell()
        walker.skip()
    except _STRUCTURAL as error:
        raise Malformed(f"not msgpack: {reason(error)}") from error
    if count > elements_max:
        raise Malformed("an array has too many elements")
    built: list[Any] = _build(body[start : walker.tell()])
    return built


def _enter(walker: Any, place: int, of: int | None) -> None:
    count = walker.read_array_header()
    if count <= place or count != (of or count):
        raise ValueError("another number of elements")
    for _ in range(place):
        walker.skip()


def reason(error: BaseException) -> str:
    """Why, in words without anything of the content."""
    return "it breaks off" if isinstance(error, msgpack.OutOfData) else type(error).__name__
