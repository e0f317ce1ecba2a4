"""What a payload says of the tracer and its program: from the headers, the payload itself, or the spans. (specification, traces 7.4)"""

from collections.abc import Iterable, Mapping

from pipelines.tags import FUNCTION_TAG
from pipelines.traces.chunk import Trace
from pipelines.traces.normalise import cut, tag_value
from protocols.intake_traces import PayloadFields
from protocols.trace_headers import TracerHeaders
from protocols.trace_values import Decoded

FIELD_BYTES_MAX = 1_024
TAGS_BYTES_MAX = 64 * 1024

SOUGHT = {"env": "env", "app_version": "version", "hostname": "_dd.hostname", "runtime_id": "runtime-id"}
"""A payload's field to the tag of a span that tells it."""


def find_fields(traces: Iterable[Trace]) -> dict[str, str]:
    """What the spans say, before they are enriched: trace by trace, the root first. Each field is sought on its own."""
    found: dict[str, str] = {}
    missing = dict(SOUGHT)
    for trace in traces:
        for field in list(missing):
            if value := _find(trace, missing[field]):
                found[field] = value
                del missing[field]
        if not missing:
            break
    return found


def _find(trace: Trace, tag: str) -> str:
    if value := trace.root["meta"].get(tag):
        return str(value)
    root_id = trace.root["span_id"]
    return next((value for span in trace.spans if (value := span["meta"].get(tag)) and span["span_id"] != root_id), "")


def make_fields(
    decoded: Decoded, headers: TracerHeaders, found: Mapping[str, str], fallback: Mapping[str, str], function_tags: str
) -> PayloadFields:
    """What the payload itself says counts before headers and spans, `fallback` (env, app_version) comes last.

    `function_tags` is their comma list. Texts are cut, so that what surrounds the chunks never comes near a body's limit.
    """
    given = {
        "container_id": headers.container_id, "language_name": headers.lang, "language_version": headers.lang_version,
        "tracer_version": headers.tracer_version,
    }  # fmt: skip
    fields = {**fallback, **found, **{name: text for name, text in given.items() if text}, **decoded.payload}
    if "env" in fields:
        fields["env"] = tag_value(fields["env"]) or fallback.get("env", "")
    cut_fields = {name: cut(text, FIELD_BYTES_MAX) for name, text in fields.items()}
    if decoded.tags:
        tags = tuple(sorted((bounded_tags(decoded.tags) | {FUNCTION_TAG: function_tags}).items()))
    else:
        tags = ((FUNCTION_TAG, function_tags),)
    return PayloadFields(**cut_fields, tags=tags)


def bounded_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """As many of a payload's or a chunk's own tags as are within the bound, in their order."""
    kept: dict[str, str] = {}
    size = 0
    for name, value in tags.items():
        size += 4 * (len(name) + len(value)) + 16
        if size > TAGS_BYTES_MAX:
            break
        kept[name] = value
    return kept
