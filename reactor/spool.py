"""The spool on disk: what was accepted outlives this process, in `/tmp`, until it is confirmed.

Each write is one append without fsync: the page cache survives a kill, and a sandbox that loses its page cache loses `/tmp` too. A
disk that is full, a file that is foreign or damaged, a second process: each is counted and said once, and none of them stops anything.
"""

import fcntl
import os
from collections.abc import Callable, Sequence

import attrs

from protocols import spool_format as form
from protocols.intake_body import Body

PATH = "/tmp/lambda-reactor.spool"
BYTES_MAX = 16 * 1024 * 1024
FREE_SHARE = 4  # at most this part of what is free in /tmp, which is the function's
ASIDE_SUFFIX = ".aside"

NOTHING = form.Contents(None, [], [], 0)

Say = Callable[[str, str], None]


@attrs.frozen
class SpoolStatistics:
    """`unprotected`: accepted without being written, by reason."""

    bytes: int
    bytes_max: int
    unprotected: dict[str, int]
    aside: int


class Spool:
    """One file, appended to and cut. Without a file (`open` failed) everything is counted as unprotected."""

    def __init__(self, descriptor: int | None, owner: str, bytes_max: int, say: Say) -> None:
        self._descriptor, self._owner, self._bytes_max, self._say = descriptor, owner, bytes_max, say
        self._bytes = self._start = 0
        self._unprotected: dict[str, int] = {}
        self._aside = 0
        self._unresolved: set[int] = set()
        self._has_taken = False

    @classmethod
    def open(cls, path: str, owner: str, say: Say) -> tuple["Spool", form.Contents]:
        """Take over what an earlier process left, and go on behind it. Never raises."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            say("WARN", f"no spool, what is not sent when this process ends is lost: {error}")
            return cls(None, owner, 0, say), NOTHING
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left = cls._read(descriptor)
        except OSError as error:
            os.close(descriptor)
            say("WARN", f"the spool is in use or cannot be read, what is not sent when this process ends is lost: {error}")
            return cls(None, owner, 0, say), NOTHING
        spool = cls(descriptor, owner, _room(path), say)
        return spool, spool._take_over(path, left)

    def _take_over(self, path: str, left: bytes) -> form.Contents:
        contents = form.read(left)
        if left and (contents.owner != self._owner or contents.good_bytes < len(left)):
            self._set_aside(path, left, contents)
        if contents.owner != self._owner or not (contents.taken or contents.kept):
            self.cut()
            return NOTHING
        self._bytes = contents.good_bytes
        if contents.good_bytes < len(left):
            self._cut_to(contents.good_bytes)  # or a record behind the damage might come to life again
        self._unresolved = {kept.number for kept in contents.kept}
        self._has_taken = bool(contents.taken)
        return contents

    @staticmethod
    def _read(descriptor: int) -> bytes:
        os.fchmod(descriptor, 0o600)
        size = min(os.fstat(descriptor).st_size, 2 * BYTES_MAX)
        return os.pread(descriptor, size, 0)

    @property
    def is_open(self) -> bool:
        return self._descriptor is not None

    def statistics(self) -> SpoolStatistics:
        return SpoolStatistics(self._bytes, self._bytes_max, dict(self._unprotected), self._aside)

    # --- writing --------------------------------------------------------------------------------------------------------------

    def take(self, kind: int, epoch_ms: int, data: bytes) -> None:
        """Write down what is about to be acknowledged."""
        self._has_taken = self._append(form.taken_record(kind, epoch_ms, data), "telemetry" if kind == form.TELEMETRY else "datagrams")

    def seal(self, payloads: Sequence[tuple[int, str, Body]]) -> None:
        """Everything taken so far is in these payloads, and in those before them."""
        records = []
        for number, url, body in payloads:
            records.append(form.payload_record(number, url, body))
            self._unresolved.add(number)
        if (records or self._has_taken) and self._append(b"".join([*records, form.sealed_record()]), "payloads"):
            self._has_taken = False

    def begin(self, number: int) -> None:
        """This payload is being sent."""
        if number in self._unresolved:
            self._append(form.begun_record(number), "marks")

    def resolve(self, number: int) -> None:
        """This payload is delivered, or dropped. When nothing is left, the file is cut."""
        if number not in self._unresolved:
            return
        self._unresolved.discard(number)
        if self._unresolved or self._has_taken:
            self._append(form.resolved_record(number), "marks")
        else:
            self.cut()

    def cut(self) -> None:
        """Nothing is left that would have to outlive this process."""
        if self._descriptor is None:
            return
        try:
            if self._bytes != self._start or not self._start:
                os.ftruncate(self._descriptor, 0)
                self._bytes = self._start = os.pwrite(self._descriptor, form.owner_record(self._owner), 0)
        except OSError as error:
            self._end(error)

    def _cut_to(self, size: int) -> None:
        assert self._descriptor is not None
        try:
            os.ftruncate(self._descriptor, size)
        except OSError as error:
            self._end(error)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _append(self, data: bytes, what: str) -> bool:
        if self._descriptor is None:
            self._count(f"{what}: no spool")
        elif self._bytes + len(data) > self._bytes_max:
            self._count(f"{what}: over the bound")
        else:
            return self._write(data, what)
        return False

    def _write(self, data: bytes, what: str) -> bool:
        assert self._descriptor is not None
        try:
            written = os.pwrite(self._descriptor, data, self._bytes)
        except OSError:
            written = 0
        if written < len(data):  # the disk is full: the rest of the record would only be damage
            self._count(f"{what}: no space")
            return False
        self._bytes += written
        return True

    def _count(self, reason: str) -> None:
        if reason not in self._unprotected:
            self._say("WARN", f"not protected by the spool: {reason}")
        self._unprotected[reason] = self._unprotected.get(reason, 0) + 1

    def _end(self, error: OSError) -> None:
        self._say("WARN", f"the spool ends: {error}")
        self.close()

    def _set_aside(self, path: str, data: bytes, contents: form.Contents) -> None:
        """Keep one copy of what cannot be read, for whoever wants to know."""
        self._aside += 1
        what = f"{len(data) - contents.good_bytes} bytes are damaged" if contents.owner == self._owner else "it is not this function's"
        self._say("WARN", f"a spool was found that cannot be used whole, {what}; a copy is in {path}{ASIDE_SUFFIX}")
        try:
            copy = os.open(path + ASIDE_SUFFIX, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            try:
                os.write(copy, data[:BYTES_MAX])
            finally:
                os.close(copy)
        except OSError:
            pass


def _room(path: str) -> int:
    """How large the file may grow: the free space is the function's."""
    space = os.statvfs(os.path.dirname(path) or "/")
    return min(BYTES_MAX, space.f_bavail * space.f_frsize // FREE_SHARE)
