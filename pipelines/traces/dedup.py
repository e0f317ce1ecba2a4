"""Which spans have been seen lately: a tracer that got no answer sends its request again. (specification, traces 5.1)"""

from protocols.trace_values import Span

KEYS_MAX = 100


class Seen:
    """The last trace and span ids, first in first out; a repetition does not make a key younger."""

    def __init__(self, keys_max: int = KEYS_MAX) -> None:
        self._keys: dict[tuple[int, int], None] = {}
        self._keys_max = keys_max

    def is_new(self, span: Span) -> bool:
        """Whether the span has not been seen; from now on it has. One without an id is nobody's repetition."""
        key = (span["trace_id"], span["span_id"])
        if key in self._keys:
            return False
        if not all(key):
            return True
        if len(self._keys) >= self._keys_max:
            del self._keys[next(iter(self._keys))]
        self._keys[key] = None
        return True
