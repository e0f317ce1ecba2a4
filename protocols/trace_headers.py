"""The headers with which a tracer tells of itself, read and written. (specification, traces 3 and 10.3)"""

from collections.abc import Iterable

import attrs

FALSE = frozenset({"", "0", "f", "F", "false", "False", "FALSE"})
TEXT_CHARACTERS_MAX = 1_024
COUNT_DIGITS_MAX = 18

RATES_ANSWER = b'{"rate_by_service":{"service:,env:":1}}'
"""The answer to every body of traces: keep sampling everything. (specification, traces 13.4)"""


@attrs.frozen
class TracerHeaders:
    """What a tracer says of itself; empty text where it says nothing."""

    lang: str = ""
    lang_version: str = ""
    interpreter: str = ""
    interpreter_vendor: str = ""
    tracer_version: str = ""
    container_id: str = ""
    computed_top_level: bool = False
    computed_stats: bool = False
    dropped_p0_traces: int = 0
    dropped_p0_spans: int = 0

    def as_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """For the intake: only what is not empty, false or 0."""
        texts = [(name, getattr(self, field)) for name, field in _TEXTS.items()]
        texts += [(name, "true") for name, field in _FLAGS.items() if getattr(self, field)]
        texts += [(name, str(count)) for name, field in _COUNTS.items() if (count := getattr(self, field)) > 0]
        return tuple((name, value.encode("ascii")) for name, value in texts if value)


_TEXTS = {
    b"datadog-meta-lang": "lang",
    b"datadog-meta-lang-version": "lang_version",
    b"datadog-meta-lang-interpreter": "interpreter",
    b"datadog-meta-lang-interpreter-vendor": "interpreter_vendor",
    b"datadog-meta-tracer-version": "tracer_version",
    b"datadog-container-id": "container_id",
}
_FLAGS = {b"datadog-client-computed-stats": "computed_stats", b"datadog-client-computed-top-level": "computed_top_level"}
_COUNTS = {b"datadog-client-dropped-p0-traces": "dropped_p0_traces", b"datadog-client-dropped-p0-spans": "dropped_p0_spans"}


def read_headers(request_headers: Iterable[tuple[bytes, bytes]]) -> TracerHeaders:
    """Names in any case. A value that is absent or not printable ASCII is the default. Of a repeated header the first counts."""
    given: dict[bytes, str] = {}
    for name, value in request_headers:
        if (text := _text(value)) is not None:
            given.setdefault(name.lower(), text)
    values: dict[str, object] = {field: given.get(name, "")[:TEXT_CHARACTERS_MAX] for name, field in _TEXTS.items()}
    values |= {field: is_true(given.get(name, "")) for name, field in _FLAGS.items()}
    values |= {field: _count(given.get(name, "")) for name, field in _COUNTS.items()}
    return TracerHeaders(**values)  # type: ignore[arg-type]


def _text(value: bytes) -> str | None:
    """A header's value, if it is one that can be sent on."""
    try:
        text = value.decode("ascii")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def is_true(value: str) -> bool:
    """Anything but a few words for no. (specification, traces 3)"""
    return value not in FALSE


def _count(value: str) -> int:
    return int(value) if value.isdigit() and len(value) <= COUNT_DIGITS_MAX else 0
