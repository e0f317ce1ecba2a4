"""What every span is given: the function's tags, where it comes from, who computes its statistics. (specification, traces 7.3 and 8)

All of it is the same for all spans of a chunk, so it is encoded once and a span's own map only loses the keys that are overwritten.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pipelines.traces.normalise import tag_value
from protocols.intake_span import constant_fields
from protocols.trace_values import Span

LAMBDA_SERVICE = "aws.lambda"
COMPUTE_STATS = "_dd.compute_stats"
ORIGINS = {"origin": "lambda", "_dd.origin": "lambda"}
TAG_SOURCE, BASE_SERVICE = "_inferred_span.tag_source", "_dd.base_service"


Tags = dict[str, str]


class Common(NamedTuple):
    """Tags of all spans: as they are given, as they are sent, and encoded as they stand behind each span's own fields."""

    tags: Tags
    sent: Tags
    encoded: bytes


def as_they_are(tags: Tags) -> Tags:
    return tags


class Enricher:
    """`base_service` is given to inferred spans that have none. `obfuscated` gives tags as obfuscation leaves them: what users have
    replaced in every tag is replaced in these too."""

    def __init__(self, function_tags: Mapping[str, str], base_service: str, obfuscated: Callable[[Tags], Tags] = as_they_are) -> None:
        self.function_tags = dict(function_tags)
        # Spans and payloads name the environment alike: the payload's is normalised, so this is too.
        if "env" in self.function_tags:
            self.function_tags["env"] = tag_value(self.function_tags["env"]) or self.function_tags["env"]
        self._service = self.function_tags.get("service", "")
        self._base_service = base_service
        self._overwritten = frozenset({*self.function_tags, *ORIGINS, COMPUTE_STATS})
        self._commons = {computed: self._common(computed, obfuscated) for computed in (False, True)}

    def _common(self, backend_computes: bool, obfuscated: Callable[[Tags], Tags]) -> Common:
        tags = {**self.function_tags, **({COMPUTE_STATS: "1"} if backend_computes else {}), **ORIGINS}
        sent = obfuscated(dict(tags))
        return Common(tags, sent, constant_fields(sent))

    def common(self, backend_computes: bool) -> Common:
        """What all spans of a chunk have in common. `backend_computes`: neither the tracer nor the extension computes statistics."""
        return self._commons[backend_computes]

    def enrich(self, span: Span) -> None:
        """All but what is common; the keys that are overwritten go."""
        if self._service and span["service"] == LAMBDA_SERVICE:
            span["service"] = self._service
        meta = span["meta"]
        if TAG_SOURCE in meta and BASE_SERVICE not in meta:
            meta[BASE_SERVICE] = self._base_service
        if not self._overwritten.isdisjoint(meta):
            span["meta"] = {name: value for name, value in meta.items() if name not in self._overwritten}


def base_service(service: str, function_name: str, representation_enabled: bool) -> str:
    """The `_dd.base_service` of inferred spans. (specification, traces 7.3, step 2)"""
    return (service or function_name or LAMBDA_SERVICE) if representation_enabled else LAMBDA_SERVICE
