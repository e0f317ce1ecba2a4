"""What the trace intake demands of traces (specification, traces 10). Documents in, problems out."""

from typing import Any

from emulator.problems import NANOSECONDS, Problems

NAME_BYTES_MAX = 100  # service, name and type are cut there (specification, traces 6.1)
PRIORITY_NONE = -128
PRIORITIES = (PRIORITY_NONE, -1, 0, 1, 2)


def check_traces(document: Any, found: Problems) -> None:
    payloads = document.get("tracer_payloads", [])
    found.expect(bool(payloads), "no tracer payload")
    for name in ("target_tps", "error_tps"):
        found.expect(document.get(name) == 60.0, f"{name} is {document.get(name)}, not 60.0")
    for name in sorted(document.keys() - {"tracer_payloads", "target_tps", "error_tps"}):
        found.add(f"{name} is set: {document[name]!r}")
    seen: set[tuple[int, int]] = set()
    for position, payload in enumerate(payloads):
        _check_payload(f"payload {position}", payload, seen, found)


def _check_payload(where: str, payload: dict[str, Any], seen: set[tuple[int, int]], found: Problems) -> None:
    found.expect(bool(payload.get("tags", {}).get("_dd.tags.function")), f"{where}: no _dd.tags.function")
    found.expect(bool(payload.get("chunks")), f"{where}: no chunk")
    for position, chunk in enumerate(payload.get("chunks", [])):
        here = f"{where} chunk {position}"
        spans = chunk.get("spans", [])
        found.expect(bool(spans), f"{here}: no span")
        found.expect(chunk.get("priority", 0) in PRIORITIES, f"{here}: priority {chunk.get('priority')}")
        found.expect("dropped_trace" not in chunk, f"{here}: dropped_trace is set")
        found.expect(len({span.get("trace_id") for span in spans}) <= 1, f"{here}: spans of more than one trace")
        for span in spans:
            identity = (span.get("trace_id", 0), span.get("span_id", 0))
            found.expect(identity not in seen, f"{here}: span {identity} twice in one body")
            seen.add(identity)
            _check_span(f"{here} span {span.get('name')!r}", span, found)


def _check_span(where: str, span: dict[str, Any], found: Problems) -> None:
    for name in ("trace_id", "span_id"):
        found.expect(span.get(name, 0) != 0, f"{where}: {name} is 0")
    for name in ("service", "name", "resource"):
        found.expect(bool(span.get(name)), f"{where}: no {name}")
    for name in ("service", "name", "type"):
        found.expect(len(span.get(name, "").encode()) <= NAME_BYTES_MAX, f"{where}: {name} is longer than {NAME_BYTES_MAX} bytes")
    found.matches(f"{where}.start", span.get("start", 0), NANOSECONDS)
    found.expect(span.get("duration", 0) >= 0, f"{where}: duration is negative")
    found.expect(span.get("start", 0) + span.get("duration", 0) < 2**63, f"{where}: the end overflows")
    found.expect(span.get("meta", {}).get("_dd.origin") == "lambda", f"{where}: meta _dd.origin is not lambda")
