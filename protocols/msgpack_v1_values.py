"""The values of which traces of the v1.0 route are made: texts that are sent once, attributes with a type. (`protocols.msgpack_v1`)"""

import json
from typing import Any

from protocols.trace_values import I64_LARGEST, REPEATED_CHARACTERS_MAX, Broken

DEPTH_MAX = 16  # of attributes within attributes


class Strings:
    """The table of texts, in the order in which the wire brings them."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {"": 0}
        self._texts = [""]
        self._repeated = 0  # characters that were only pointed at

    def begin_with(self, value: Any) -> None:
        """A table that was sent ahead: only possible before any other text."""
        if type(value) is not list or len(self._texts) > 1:
            raise Broken("texts sent ahead are not the first")
        for text in value:
            if type(text) is not str:
                raise Broken("a text sent ahead is not text")
            if text:
                self._places.setdefault(text, len(self._texts))
                self._texts.append(text)

    def text(self, value: Any) -> str:
        """The text that stands here, itself or as a place."""
        if type(value) is str:
            if value not in self._places:
                self._places[value] = len(self._texts)
                self._texts.append(value)
            return value
        if type(value) is not int or not 0 <= value < len(self._texts):
            raise Broken("a text is neither text nor a place in the table")
        text = self._texts[value]
        self._repeated += len(text)
        if self._repeated > REPEATED_CHARACTERS_MAX:
            raise Broken("the texts of the body are too much together")
        return text

    def learn(self, value: Any) -> None:
        """Only the texts that stand in here, however deep."""
        waiting = [value]
        while waiting:
            current = waiting.pop()
            if type(current) is str:
                self.text(current)
            elif type(current) is list:
                waiting += reversed(current)
            elif type(current) is dict:
                for key, entry in reversed(current.items()):
                    waiting += (entry, key)

    @property
    def size(self) -> int:
        return len(self._texts)

    def shorten(self, size: int) -> None:
        """Forget all but the first `size` texts."""
        for text in self._texts[size:]:
            if self._places.get(text, 0) >= size:
                del self._places[text]
        del self._texts[size:]


def attributes(raw: Any, strings: Strings, depth: int = 0) -> dict[str, tuple[int, Any]]:
    """Key to (type, value); arrays are lists of such pairs."""
    elements = array(raw)
    if len(elements) % 3:
        raise Broken("attributes are not threes")
    found = {}
    for place in range(0, len(elements), 3):
        key = strings.text(elements[place])
        found[key] = _attribute(elements[place + 1], elements[place + 2], strings, depth)
    return found


def _attribute(kind: Any, value: Any, strings: Strings, depth: int) -> tuple[int, Any]:
    if depth > DEPTH_MAX:
        raise Broken("attributes nest too deep")
    if kind == 1:
        return 1, strings.text(value)
    if kind == 2:
        return 2, flag(value)
    if kind == 3:
        if type(value) is not float and type(value) is not int:
            raise Broken("an attribute is not a number")
        return 3, float(value)
    if kind == 4:
        return 4, integer(value, -I64_LARGEST - 1, I64_LARGEST)
    if kind == 5 and type(value) is bytes:
        return 5, value
    if kind == 6:
        elements = array(value)
        if len(elements) % 2:
            raise Broken("an array is not pairs")
        places = range(0, len(elements), 2)
        return 6, [_attribute(elements[place], elements[place + 1], strings, depth + 1) for place in places]
    if kind == 7:
        return 7, attributes(value, strings, depth + 1)
    raise Broken("an attribute of an unknown type")


def as_text(kind: int, value: Any) -> str:
    """An attribute as a tag: text as it is, everything else as JSON, bytes in hexadecimal."""
    return value if kind == 1 else json.dumps(_plain(kind, value), ensure_ascii=False, separators=(",", ":"))


def _plain(kind: int, value: Any) -> Any:
    if kind == 5:
        return value.hex()
    if kind == 6:
        return [_plain(*each) for each in value]
    return {name: _plain(*each) for name, each in value.items()} if kind == 7 else value


def array(value: Any) -> list[Any]:
    if value is None:
        return []
    if type(value) is not list:
        raise Broken("an array is expected")
    return value


def integer(value: Any, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise Broken("a number is not an integer of its range")
    return value


def flag(value: Any) -> bool:
    if type(value) is not bool:
        raise Broken("a flag is not a boolean")
    return value


def wide_id(value: Any) -> tuple[int, int]:
    """The high and the low half of a trace id of sixteen bytes; shorter ids lack their leading zeros."""
    if type(value) is not bytes or len(value) > 16:
        raise Broken("a trace id is not sixteen bytes")
    return divmod(int.from_bytes(value, "big"), 1 << 64)
