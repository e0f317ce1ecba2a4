"""The spool on disk: what was accepted outlives this process, in `/tmp`, until it is confirmed.

Each write is one append without fsync: the page cache survives a kill, and a sandbox that loses its page cache loses `/tmp` too. What is
confirmed is cut off when nothing else is left, or left out when the file is written anew for want of room. A disk that is full, a file that
is foreign or damaged, a second process: each is counted and said once, and none of them stops anything.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Sequence

import attrs

from protocols import spool_format as form
from reactor.agent.outputs import Payload

PATH = "/tmp/lambda-reactor.spool"
BYTES_MAX = 16 * 1024 * 1024
MARKS_RESERVE_BYTES = 64 * 1024  # beyond the bound, for marks alone: what is delivered must not come to life again
FREE_SHARE = 4  # at most this part of what is free in /tmp, which is the function's
WORTH_REWRITING = 4  # the file is written anew when at least this part of it is confirmed
NAMES = {form.TELEMETRY: "telemetry", form.DATAGRAMS: "datagrams", form.REQUEST: "requests"}
ASIDE_SUFFIX, NEW_SUFFIX = ".aside", ".new"

NOTHING = form.Contents(None, [], [], 0)

Say = Callable[[str, str], None]


@attrs.frozen
class SpoolStatistics:
    """`unprotected`: accepted without being written, by reason. `rewritten`: how often the file was written anew."""

    bytes: int
    bytes_max: int
    unprotected: dict[str, int]
    aside: int
    rewritten: int


class Spool:
    """One file, appended to and cut. Without a file (`open` failed) everything is counted as unprotected."""

    def __init__(self, path: str, descriptor: int | None, owner: str, bytes_max: int, say: Say) -> None:
        self._path, self._descriptor, self._owner, self._bytes_max, self._say = path, descriptor, owner, bytes_max, say
        self._bytes = self._start = 0
        self._unprotected: dict[str, int] = {}
        self._aside = self._rewritten = 0
        self._sizes: dict[int, int] = {}  # of the records of payloads that are not resolved, by number; 0: it could not be written
        self._taken_bytes = 0  # of what was taken and is in no payload yet
        self._waiting = b""  # what the last seal left behind

    @classmethod
    def open(cls, path: str, owner: str, say: Say) -> tuple["Spool", form.Contents]:
        """Take over what an earlier process left, and go on behind it. Never raises."""
        try:
            descriptor = _open_and_lock(path)
        except OSError as error:
            say("WARN", f"no spool, what is not sent when this process ends is lost: {error}")
            return cls(path, None, owner, 0, say), NOTHING
        try:
            left = _read(descriptor, 2 * BYTES_MAX)
            spool = cls(path, descriptor, owner, _room(path), say)
        except OSError as error:
            os.close(descriptor)
            say("WARN", f"the spool cannot be read, what is not sent when this process ends is lost: {error}")
            return cls(path, None, owner, 0, say), NOTHING
        return spool, spool._take_over(left)

    def _take_over(self, left: bytes) -> form.Contents:
        contents = form.read(left)
        if left and (contents.owner != self._owner or contents.good_bytes < len(left)):
            self._set_aside(left, contents)
        if contents.owner != self._owner or not (contents.taken or contents.kept or contents.waiting):
            self.cut()
            return NOTHING
        if contents.good_bytes < len(left):
            self._cut_to(contents.good_bytes)  # or a record behind the damage might come to life again
        self._bytes = contents.good_bytes
        _, self._sizes, self._taken_bytes = form.compact(left[: contents.good_bytes])
        return contents

    @property
    def is_open(self) -> bool:
        return self._descriptor is not None

    def statistics(self) -> SpoolStatistics:
        return SpoolStatistics(self._bytes, self._bytes_max, dict(self._unprotected), self._aside, self._rewritten)

    # --- writing --------------------------------------------------------------------------------------------------------------

    def take(self, kind: int, epoch_ms: int, *data: bytes) -> None:
        """Write down what is about to be acknowledged. What can never fit is not even put together."""
        if self._descriptor is not None and sum(map(len, data)) > self._bytes_max:
            self._count(f"{NAMES[kind]}: over the bound")
            return
        record = form.taken_parts(kind, epoch_ms, *data)
        if self._append(NAMES[kind], *record):
            self._taken_bytes += sum(map(len, record))

    def seal(self, payloads: Sequence[Payload], waiting: bytes = b"") -> None:
        """Everything taken so far is in these payloads, in those before them, or among what is `waiting`."""
        records = [_record(payload) for payload in payloads]
        self._note_sizes(payloads, records)
        if not (records or self._taken_bytes or waiting != self._waiting):
            return
        self._waiting = waiting
        data = b"".join([*records, form.sealed_record(waiting)])
        if not (self._fits(len(data)) and self._write(data)):
            self._write_anew(payloads, records)
        self._taken_bytes = 0

    def replace(self, number: int, payloads: Sequence[Payload]) -> None:
        """One payload goes on as several: in one piece, or after a kill both would be sent."""
        if number not in self._sizes:
            return
        records = [_record(payload) for payload in payloads]
        self._note_sizes(payloads, records)
        del self._sizes[number]
        if not self._append("payloads", *records, form.resolved_record(number)):
            self._sizes.update(dict.fromkeys((payload.number for payload in payloads), 0))
            self._mark(form.resolved_record(number))

    def begin(self, number: int) -> None:
        """This payload is being sent."""
        if self._sizes.get(number):
            self._mark(form.begun_record(number))

    def resolve(self, number: int) -> None:
        """This payload is delivered, or dropped. When nothing is left, the file is cut."""
        size = self._sizes.pop(number, None)
        if size is None:
            return
        if not self._sizes and not self._taken_bytes:
            self.cut()
        elif size:
            self._mark(form.resolved_record(number))

    def cut(self) -> None:
        """Nothing is left that would have to outlive this process."""
        if self._descriptor is not None and (self._bytes != self._start or not self._start):
            self._start = 0
            self._cut_to(0)
            if self._write(form.owner_record(self._owner) + (form.sealed_record(self._waiting) if self._waiting else b"")):
                self._start = self._bytes

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    # --- inside ---------------------------------------------------------------------------------------------------------------

    def _append(self, what: str, *data: bytes) -> bool:
        size = sum(map(len, data))
        if self._descriptor is None:
            self._count(f"{what}: no spool")
        elif not self._fits(size) and not (self._is_worth_rewriting() and self._rewrite(form.compact(self._all())[0]) and self._fits(size)):
            self._count(f"{what}: over the bound")
        elif not self._write(*data):
            self._count(f"{what}: no space")
        else:
            return True
        return False

    def _mark(self, data: bytes) -> None:
        if self._descriptor is not None and self._bytes + len(data) > self._bytes_max + MARKS_RESERVE_BYTES:
            self._rewrite(form.compact(self._all() + data)[0])
        elif self._descriptor is not None and not self._write(data):
            self._count("marks: no space")

    def _fits(self, size: int) -> bool:
        return self._bytes + size <= self._bytes_max

    def _write(self, *data: bytes) -> bool:
        """Append, all in one call and without putting it together. False if there is no room on the disk."""
        if self._descriptor is None:
            return False
        try:
            written = os.pwritev(self._descriptor, data, self._bytes)
        except OSError:
            written = 0
        if written < sum(map(len, data)):
            if written:
                self._cut_to(self._bytes)  # a part of a record is only damage, and takes what little room there is
            return False
        self._bytes += written
        return True

    def _cut_to(self, size: int) -> None:
        assert self._descriptor is not None
        try:
            os.ftruncate(self._descriptor, size)
            self._bytes = size
        except OSError as error:
            self._say("WARN", f"the spool ends: {error}")
            self.close()

    # --- writing anew ---------------------------------------------------------------------------------------------------------

    def _is_worth_rewriting(self) -> bool:
        return (sum(self._sizes.values()) + self._taken_bytes) * WORTH_REWRITING <= self._bytes * (WORTH_REWRITING - 1)

    def _write_anew(self, payloads: Sequence[Payload], records: Sequence[bytes]) -> None:
        """Let everything go that is confirmed or sealed, and add as many payloads as there is room for, the oldest first."""
        if self._descriptor is None:
            self._count("payloads: no spool", len(records))
            return
        pieces = [form.compact(self._all(), with_taken=False)[0], form.sealed_record(self._waiting)]
        size = sum(map(len, pieces))
        for payload, record in zip(payloads, records, strict=True):
            if size + len(record) <= self._bytes_max:
                pieces.insert(-1, record)
                size += len(record)
            else:
                self._sizes[payload.number] = 0
                self._count("payloads: over the bound")
        if not self._rewrite(b"".join(pieces)):
            self._count("payloads: no space", len(records))

    def _rewrite(self, contents: bytes) -> bool:
        """Put these contents in place of the file's, all at once where the disk has room for both; False if they are lost instead."""
        self._rewritten += 1
        path = self._path + NEW_SUFFIX
        try:
            _unlink(path)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.pwritev(descriptor, (contents,), 0) < len(contents):
                    raise OSError("not all of it")
                os.rename(path, self._path)
            except OSError:
                os.close(descriptor)
                _unlink(path)
                raise
        except OSError:
            return self._rewrite_in_place(contents)
        self.close()
        self._descriptor, self._bytes = descriptor, len(contents)
        return True

    def _rewrite_in_place(self, contents: bytes) -> bool:
        """The disk has no room for both. For a moment neither is whole."""
        self._cut_to(0)
        if self._write(contents):
            return True
        self._sizes = dict.fromkeys(self._sizes, 0)
        self._taken_bytes = 0
        self.cut()
        return False

    def _all(self) -> bytes:
        assert self._descriptor is not None
        try:
            return _read(self._descriptor, self._bytes)
        except OSError:
            return form.owner_record(self._owner)

    def _note_sizes(self, payloads: Sequence[Payload], records: Sequence[bytes]) -> None:
        for payload, record in zip(payloads, records, strict=True):
            self._sizes[payload.number] = len(record)

    def _count(self, reason: str, times: int = 1) -> None:
        if times and reason not in self._unprotected and self._descriptor is not None:  # why there is no file has been said
            self._say("WARN", f"not protected by the spool: {reason}")
        self._unprotected[reason] = self._unprotected.get(reason, 0) + times

    def _set_aside(self, data: bytes, contents: form.Contents) -> None:
        """Keep one copy of what cannot be read, for whoever wants to know, if the function can spare the room."""
        self._aside += 1
        what = f"{len(data) - contents.good_bytes} bytes are damaged" if contents.owner == self._owner else "it is not this function's"
        self._say("WARN", f"a spool was found that cannot be used whole, {what}; a copy is in {self._path}{ASIDE_SUFFIX}")
        try:
            copy = os.open(self._path + ASIDE_SUFFIX, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.write(copy, data[: self._bytes_max])
            finally:
                os.close(copy)
        except OSError:
            pass


def _open_and_lock(path: str) -> int:
    """A plain file of our own under this very name, that nobody else has open as a spool. Raises OSError."""
    for _ in range(2):  # a process that ends may have put another file in its place between the two steps
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        try:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1 or about.st_uid != os.geteuid():
                raise OSError(f"{path} is no file of this extension's own")
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OSError(f"{path} is in use by another process") from error
            os.fchmod(descriptor, 0o600)
            if os.stat(path, follow_symlinks=False).st_ino == about.st_ino:
                return descriptor
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise OSError(f"{path} is in use by another process")


def _read(descriptor: int, bytes_max: int) -> bytes:
    return os.pread(descriptor, min(os.fstat(descriptor).st_size, bytes_max), 0)


def _record(payload: Payload) -> bytes:
    return form.payload_record(payload.number, payload.url, payload.body, payload.key)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _room(path: str) -> int:
    """How large the file may grow: the free space is the function's."""
    space = os.statvfs(os.path.dirname(path) or "/")
    return min(BYTES_MAX, space.f_bavail * space.f_frsize // FREE_SHARE)
