"""The hand-over record: what stage 0 did, as bytes, from one program to the next that takes its place in the same process.

    hand-over 1
    WORD KEY LENGTH
    LENGTH bytes

The last part is repeated, each followed by a line feed; `end record 0` closes it. Words: `socket` (a descriptor by role), `error`, `answer`
(raw, by step), `time` (nanoseconds since the start, by step), `value`, and `variable` (what the launcher has set aside of the environment).
Numbers are decimal. The native launcher writes it (launcher/launcher.c), and `dump` does. Imports built-in modules alone.
"""

import _socket
import posix

from reactor.stage0 import VERSION, HandOver

RECORD_BYTES_MAX = 512 * 1024  # two answers of 64 KiB, and an environment
INHERITED_MAX = 64  # no descriptor that the launcher opens is as high
SOCKET, KIND = 0o140000, 0o170000  # of a mode

Variables = dict[bytes, bytes]


class UnknownRecord(ValueError):
    """Nothing that this version could go on with."""


def dump(done: HandOver, variables: Variables | None = None) -> bytes:
    """The record of this; its sockets keep their descriptors."""
    parts: list[tuple[str, str, bytes]] = [("socket", role, b"%d" % sock.fileno()) for role, sock in done.sockets.items()]
    parts += [("error", step, text.encode()) for step, text in done.errors.items()]
    parts += [("answer", step, raw) for step, raw in done.answers.items()]
    parts += [("time", step, b"%d" % ns) for step, ns in done.times_ns.items()]
    if done.began_ms is not None:
        parts += [("value", "began_epoch_ms", b"%d" % done.began_ms[0]), ("value", "began_mono_ms", b"%d" % done.began_ms[1])]
    parts += [("value", "identifier", done.identifier.encode("latin-1")), ("value", "telemetry_port", b"%d" % done.telemetry_port)]
    parts += [("variable", name.decode("latin-1"), value) for name, value in (variables or {}).items()]
    parts.append(("end", "record", b""))
    written = [f"{word} {key} {len(value)}\n".encode("latin-1") + value + b"\n" for word, key, value in parts]
    return b"hand-over %d\n" % done.version + b"".join(written)


def load(record: bytes) -> tuple[HandOver, Variables]:
    """What was done, its sockets opened, and the variables set aside. Raises UnknownRecord: of another version, cut short, or none."""
    first, _, rest = record.partition(b"\n")
    if first != b"hand-over %d" % VERSION:
        raise UnknownRecord(f"not a hand-over of version {VERSION}: {first[:40]!r}")
    done, variables = HandOver(), Variables()
    values: dict[str, bytes] = {}
    try:
        for word, key, value in _parts(rest):
            _take(done, variables, values, word, key, value)
        _take_values(done, values)
    except (ValueError, OSError) as error:
        for sock in done.sockets.values():
            sock.close()
        raise UnknownRecord(f"a hand-over that cannot be read: {error}") from error
    return done, variables


def adopt(fd: int) -> HandOver | None:
    """What the launcher has left in this descriptor. The variables it set aside can be read in the environment again."""
    if fd < 0:
        return None
    posix.lseek(fd, 0, 0)
    record = posix.read(fd, RECORD_BYTES_MAX)
    posix.close(fd)
    done, variables = load(record)
    posix.environ.update(variables)  # `os` makes its own of it later: the settings read that
    return done


def forsake() -> None:
    """Close the sockets of a record that cannot be read: their ports are to be opened anew."""
    for fd in range(3, INHERITED_MAX):
        try:
            if posix.fstat(fd).st_mode & KIND == SOCKET:
                posix.close(fd)
        except OSError:
            continue


def _parts(rest: bytes) -> list[tuple[str, str, bytes]]:
    parts: list[tuple[str, str, bytes]] = []
    at = 0
    while True:
        line, _, _ = rest[at : at + 400].partition(b"\n")
        head, _, length = line.decode("latin-1").rpartition(" ")
        word, _, key = head.partition(" ")
        begin = at + len(line) + 1
        at = begin + int(length) + 1
        if not length.isdigit() or rest[at - 1 : at] != b"\n":
            raise ValueError("cut short")
        if word == "end":
            return parts
        parts.append((word, key, rest[begin : at - 1]))


def _take(done: HandOver, variables: Variables, values: dict[str, bytes], word: str, key: str, value: bytes) -> None:
    if word == "socket":
        done.sockets[key] = sock = _socket.socket(fileno=int(value))
        posix.set_inheritable(sock.fileno(), False)
    elif word == "error":
        done.errors[key] = value.decode("utf-8", "replace")
    elif word == "answer":
        done.answers[key] = value
    elif word == "time":
        done.times_ns[key] = int(value)
    elif word == "variable":
        variables[key.encode("latin-1")] = value
    elif word == "value":
        values[key] = value
    else:
        raise ValueError(f"what is {word!r}?")


def _take_values(done: HandOver, values: dict[str, bytes]) -> None:
    if "began_epoch_ms" in values:
        done.began_ms = int(values["began_epoch_ms"]), int(values["began_mono_ms"])
    done.identifier = values.get("identifier", b"").decode("latin-1")
    done.telemetry_port = int(values.get("telemetry_port", b"%d" % done.telemetry_port))
    done.asked = "platform" in done.sockets
