"""The statistics that a tracer has computed: what is missing filled in, and a clock that is wrong put right (specification, stats 1).

Nothing that the tracer says of its spans is changed.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import attrs

from pipelines.stats.concentrate import aligned
from protocols.intake_stats import StatsBucket, StatsPayload, encode_group
from protocols.stats_api import MAX_I64, MAX_U64, ClientBucket, ClientStats

UNKNOWN_ENV = "unknown-env"
SKEW_NS_MAX = 3600 * 1_000_000_000  # the clock of a tracer may be off by so much, either way


@attrs.frozen
class StatsSettings:
    """DD_ENV, DD_VERSION and DD_SERVICE, empty where they are not set."""

    env: str = ""
    version: str = ""
    service: str = ""

    def fields(self, env: str = "", version: str = "") -> dict[str, str]:
        """What these settings say of a payload, where the payload's own env and version say nothing."""
        return {"Env": env or self.env or UNKNOWN_ENV, "Version": version or self.version, "Service": self.service.lower()}


class ClientHeaders(Protocol):
    """What is read here of a tracer's request headers (specification, traces 3)."""

    @property
    def lang(self) -> str: ...
    @property
    def tracer_version(self) -> str: ...
    @property
    def container_id(self) -> str: ...


def completed(stats: ClientStats, headers: ClientHeaders, settings: StatsSettings, now_ns: int, runtime_id: str = "") -> StatsPayload:
    """A tracer's payload as it is sent. `runtime_id` is what is known of the sender from elsewhere."""
    given = stats.fields
    known = {
        **settings.fields(),
        "Lang": headers.lang,
        "TracerVersion": headers.tracer_version,
        "ContainerID": headers.container_id,
        "RuntimeID": runtime_id,
    }
    fields: dict[str, Any] = {**given, **{name: given[name] or value for name, value in known.items()}, "Hostname": ""}
    buckets = [bucket for bucket in stats.buckets if bucket.groups]
    shift_ns = shift_of(buckets, now_ns)
    return StatsPayload(fields, [_sent(bucket, shift_ns) for bucket in buckets])


def shift_of(buckets: Sequence[ClientBucket], now_ns: int) -> int:
    """By how much all starts are to be moved: 0 as long as each is within SKEW_NS_MAX of now.

    Otherwise the newest comes to lie in the ten seconds that are now, and the others as far before it as they were: moving the first one
    there, as a tracer sends the oldest first, would put the rest into the future.
    """
    if all(abs(bucket.start_ns - now_ns) <= SKEW_NS_MAX for bucket in buckets):
        return 0
    return aligned(now_ns) - max(bucket.start_ns for bucket in buckets)


def _sent(bucket: ClientBucket, shift_ns: int) -> StatsBucket:
    start_ns = min(max(bucket.start_ns + shift_ns, 0), MAX_U64)
    told_ns = min(max(bucket.shift_ns + shift_ns, -MAX_I64 - 1), MAX_I64)
    return StatsBucket(start_ns, bucket.duration_ns, told_ns, [encode_group(group) for group in bucket.groups])
