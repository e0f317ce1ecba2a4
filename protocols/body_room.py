"""The room that the bodies of all requests to one listener share while they arrive and are dealt with. Counts bytes, holds none."""

from collections.abc import Callable


class BodyRoom:
    """Taken piece by piece, as bytes arrive: what a request only announces takes nothing, so a thousand half-open ones take little.

    Where a piece finds no room, `make_room(bytes)` may have others give theirs back, by whatever rule its owner has.
    """

    def __init__(self, bytes_max: int, make_room: Callable[[int], None] = lambda size: None) -> None:
        self.bytes_max = bytes_max
        self.bytes = 0
        self._make_room = make_room

    def __repr__(self) -> str:
        return f"<BodyRoom {self.bytes} of {self.bytes_max} bytes taken>"

    def fits(self, size: int) -> bool:
        return self.bytes + size <= self.bytes_max

    def take(self, size: int) -> bool:
        """Whether there was room for so many bytes; they are taken then."""
        if not self.fits(size):
            self._make_room(size)
        if not self.fits(size):
            return False
        self.bytes += size
        return True

    def give_back(self, size: int) -> None:
        self.bytes -= size
