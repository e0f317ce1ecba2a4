"""The extension's figures about itself, as metrics, for those who ask for them (`DD_EXTENSION_METRICS`).

Made at each flush of what has happened since the one before, so the figures of a flush go with the next; those of the last one are in the
account at the end. A time in which nothing came in makes none, else their own sending would make new ones for ever.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from fsm.time import Now
from pipelines.metrics.pipeline import OwnPoint
from protocols.dogstatsd import COUNT, DISTRIBUTION
from reactor.agent.outputs import ForgetPayload, SendPayload

PREFIX = "datadog.lambda_reactor."
DATAGRAM = "datagram"
FLUSHES_MAX = 100  # under way at once: a flush that is joined is one more


class OwnMetrics:
    """Hears what the agent asks for, and reads the ledger's counts."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {"bytes_sent": 0, "payloads_sent": 0, "redrives": 0}
        self._sent: set[int] = set()  # payloads in hand that were sent at least once
        self._flushes: deque[tuple[int, int]] = deque(maxlen=FLUSHES_MAX)  # (number to confirm, monotonic milliseconds of its beginning)
        self._flush_ms: deque[int] = deque(maxlen=FLUSHES_MAX)
        self._accepted: Mapping[str, int] = {}
        self._lost: Mapping[str, int] = {}

    def sealed(self, number: int, now: Now) -> None:
        """A flush begins: it is over when every payload up to this number is confirmed."""
        self._flushes.append((number, now.mono_ms))

    def watch(self, outputs: Iterable[Any], confirmed: int, now: Now) -> None:
        """What the agent asks for, and up to which number payloads are dealt with."""
        for output in outputs:
            if type(output) is SendPayload:
                self._note_sending(output.payload.number, len(output.payload.body.raw))
            elif type(output) is ForgetPayload:
                self._sent.discard(output.number)
        while self._flushes and self._flushes[0][0] <= confirmed:
            self._flush_ms.append(now.mono_ms - self._flushes.popleft()[1])

    def _note_sending(self, number: int, size: int) -> None:
        self._counts["redrives"] += number in self._sent
        self._counts["payloads_sent"] += 1
        self._counts["bytes_sent"] += size
        self._sent.add(number)

    def take(self, accepted: Mapping[str, int], lost: Mapping[str, int]) -> list[OwnPoint]:
        """What has changed since the last call; `lost` by `what: reason`."""
        if accepted == self._accepted:
            return []
        points: list[OwnPoint] = [(f"{PREFIX}flush_ms", (), DISTRIBUTION, float(length_ms)) for length_ms in self._flush_ms]
        self._flush_ms.clear()
        datagrams = accepted.get(DATAGRAM, 0) - self._accepted.get(DATAGRAM, 0)
        points += [_count(name, count) for name, count in {"datagrams": datagrams, **self._counts}.items() if count]
        points += [_count("lost", count - self._lost.get(why, 0), why) for why, count in lost.items() if count > self._lost.get(why, 0)]
        self._counts = dict.fromkeys(self._counts, 0)
        self._accepted, self._lost = accepted, lost
        return points


def _count(name: str, count: int, why: str = "") -> OwnPoint:
    what, _, reason = why.partition(": ")
    tags = (f"reason:{_word(reason)}", f"what:{_word(what)}") if why else ()
    return PREFIX + name, tags, COUNT, float(count)


def _word(text: str) -> str:
    """As a tag's value: no comma or space, since tags travel in lists."""
    return "".join(letter if letter.isalnum() else "_" for letter in text)
