"""Fields of protobuf messages as bytes: the wire's own arithmetic, shared by encoders that are written by hand. It knows no message.

Importing the protobuf library costs as much CPU as encoding some ten thousand spans; tests compare what is written here with it.
"""

from collections.abc import Iterator

LENGTHS = tuple(bytes((number,)) if number < 128 else bytes((number & 127 | 128, number >> 7)) for number in range(1024))
"""The varints that nearly every length is."""


def varint(number: int) -> bytes:
    """A base-128 varint of a number from 0 to 2**64 - 1. Unrolled for the sizes that ids, times and durations have."""
    if number < 1024:
        return LENGTHS[number]
    if number < 1 << 28:
        if number < 1 << 21:
            if number < 1 << 14:
                return bytes((number & 127 | 128, number >> 7))
            return bytes((number & 127 | 128, number >> 7 & 127 | 128, number >> 14))
        return bytes((number & 127 | 128, number >> 7 & 127 | 128, number >> 14 & 127 | 128, number >> 21))
    if 1 << 56 <= number < 1 << 63:
        return bytes(
            (
                number & 127 | 128, number >> 7 & 127 | 128, number >> 14 & 127 | 128, number >> 21 & 127 | 128, number >> 28 & 127 | 128,
                number >> 35 & 127 | 128, number >> 42 & 127 | 128, number >> 49 & 127 | 128, number >> 56,
            )
        )  # fmt: skip
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def signed(number: int) -> bytes:
    """A varint of an int32 or int64: what is negative takes ten bytes."""
    return varint(number & 0xFFFFFFFFFFFFFFFF)


def number_field(key: bytes, number: int) -> bytes:
    """An integer; nothing where it is 0, as proto3 has it."""
    return (key + varint(number if number > 0 else number & 0xFFFFFFFFFFFFFFFF)) if number else b""


def field(key: bytes, content: bytes) -> bytes:
    """Bytes, text or a message, also where it is empty."""
    return key + varint(len(content)) + content


def utf8(text: str) -> bytes:
    """Half a character (a surrogate, from a setting that is no UTF-8) becomes "?"."""
    return text.encode("utf-8", "replace")


def text_field(key: bytes, text: str) -> bytes:
    """Text; nothing where it is empty."""
    return field(key, utf8(text)) if text else b""


def entry(key: bytes, name: str, value: bytes) -> bytes:
    """One entry of a map from text; `value` is its whole field 2."""
    return field(key, b"".join((field(b"\x0a", utf8(name)), value)))


def text_entry(key: bytes, name: str, text: str) -> bytes:
    """One entry of a map from text to text."""
    return entry(key, name, field(b"\x12", utf8(text)))


def read_varint(data: bytes, place: int) -> tuple[int, int]:
    """The number that begins at `place`, and where it ends."""
    number = shift = 0
    while True:
        byte = data[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place


def read_fields(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Each field of a message of ours that lies in `data[start:end]`: its key, where it, its content and the next field begin.

    For keys of one byte, as all of ours are; of a number the content is the varint itself.
    """
    while start < end:
        key = data[start]
        wire = key & 7
        if wire == 2:
            size, content = read_varint(data, start + 1)
            after = content + size
        elif wire == 1:
            content, after = start + 1, start + 9
        else:
            content = start + 1
            _, after = read_varint(data, content)
        yield key, start, content, after
        start = after
