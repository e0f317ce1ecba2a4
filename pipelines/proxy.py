"""What libraries send through the extension to other products: kept as it came until the next flush. It reads no body.

Byte for byte: a body is neither decoded nor compressed here, and never compressed later. (specification, traces 11)
"""

from collections import Counter, deque

import attrs

from protocols.intake_body import Body
from protocols.trace_api import Proxied

BYTES_MAX = 64 * 1024 * 1024  # of requests until the next flush: one of the largest, and room beside it
REQUESTS_MAX = 1_000
NEARLY_FULL_BYTES = 8 * 1024 * 1024  # from here on a flush is asked for
REQUEST_COST_BYTES = 1_024  # what a small one takes besides its text


@attrs.frozen
class ProxyStatistics:
    """`dropped` by `product: reason`; `held` requests and `bytes` wait for the next flush."""

    taken: dict[str, int]
    dropped: dict[str, int]
    held: int
    bytes: int


class ProxyPipeline:
    """A queue in order of arrival. Beyond its bounds the oldest goes, since a product can do with less of the past."""

    def __init__(self, function_name: str, bytes_max: int = BYTES_MAX, requests_max: int = REQUESTS_MAX) -> None:
        self._bytes_max, self._requests_max = bytes_max, requests_max
        self._tags = (b"X-Datadog-Additional-Tags", f"_dd.origin:lambda;functionname:{function_name}".encode())
        self._held: deque[Body] = deque()
        self._taken: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self.bytes = 0

    @property
    def is_nearly_full(self) -> bool:
        return self.bytes >= NEARLY_FULL_BYTES or 2 * len(self._held) >= self._requests_max

    def statistics(self) -> ProxyStatistics:
        return ProxyStatistics(dict(self._taken), dict(self._dropped), len(self._held), self.bytes)

    def take(self, request: Proxied) -> None:
        body = Body(
            request.product,
            request.path,
            request.content_type,
            request.body,
            1,
            request.encoding,
            (*request.headers, self._tags),
            request.subdomain,
        )
        self._taken[body.kind] += 1
        self._held.append(body)
        self.bytes += _cost(body)
        while self.bytes > self._bytes_max or len(self._held) > self._requests_max:
            self._drop_oldest()

    def seal(self) -> list[Body]:
        """Everything in hand, each request a body of its own."""
        sealed = list(self._held)
        self._held.clear()
        self.bytes = 0
        return sealed

    def _drop_oldest(self) -> None:
        oldest = self._held.popleft()
        self.bytes -= _cost(oldest)
        self._dropped[f"{oldest.kind}: no room"] += 1


def _cost(body: Body) -> int:
    return body.size + REQUEST_COST_BYTES
