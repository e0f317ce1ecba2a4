"""An emulated run as a person reads it and as JSON. Values in, text out."""

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from cli.scenario import Outcome
from cli.table import number, table
from emulator import account_text
from emulator.values import SandboxRun
from emulator.verdict import Verdict

INVOCATION_TITLES = ("", "request", "status", "init ms", "duration ms", "post-runtime ms", "billed ms", "error")
PROCESS_TITLES = ("process", "life", "exit", "cpu ms", "peak MB", "lived ms")


def render(outcome: Outcome, failures: Sequence[str], verdict: Verdict | None = None, *, lines_compared: bool = False) -> str:
    """The whole result; the last line says how it went."""
    lines = [*invocations(outcome.run), *processes(outcome.run)]
    if outcome.account is not None:
        lines += account_text.render(outcome.account, verdict).rstrip("\n").split("\n")
    if outcome.arrived is not None and outcome.arrived["not_kept"]:
        lines += ["", "answered otherwise", *(f"  {each['path']}: {each['answer']}" for each in outcome.arrived["not_kept"])]
    lines += ["", *(f"FAILED: {failure}" for failure in failures)]
    if not failures:
        lines.append("nothing failed" + ("; every line that the function printed arrived, once" if lines_compared else ""))
    return "\n".join(lines) + "\n"


def invocations(run: SandboxRun) -> list[str]:
    rows = [
        (
            str(place),
            result.request_id,
            result.status,
            number(result.init_ms),
            number(result.duration_ms),
            number(result.post_runtime_ms),
            str(result.billed_ms),
            result.error_type or "",
        )
        for place, result in enumerate(run.results, 1)
    ]
    return ["invocations", *_indented(table(INVOCATION_TITLES, rows, left=(1, 2, 7))), ""]


def processes(run: SandboxRun) -> list[str]:
    """What the processes cost, and how soon the extension was ready."""
    rows = [
        (
            each.name,
            str(each.generation + 1),
            str(each.exit_code),
            number(each.cpu_user_ms + each.cpu_system_ms, 0),
            number(each.peak_rss_kb / 1024),
            number(each.lifetime_ms, 0),
        )
        for each in run.processes
    ]
    timings = run.timings
    started = (
        f"extension: registered after {number(timings.register_ms)} ms, subscribed after {number(timings.subscribe_ms)} ms, "
        f"asked for the first event after {number(timings.first_next_ms)} ms"
    )
    return [
        f"processes ({run.isolation}; {run.batches_delivered} telemetry batches taken, {run.batches_failed} not)",
        *_indented(table(PROCESS_TITLES, rows)),
        *_indented([] if timings.register_ms is None else [started]),
        *_indented(f"note: {note}" for note in run.notes),
        "",
    ]


def _indented(lines: Any) -> Iterator[str]:
    return (f"  {line}" for text in lines for line in text.split("\n"))


def as_document(outcome: Outcome, failures: Sequence[str], verdict: Verdict | None = None) -> dict[str, Any]:
    """The result as JSON values."""
    run = outcome.run
    document: dict[str, Any] = {
        "good": not failures,
        "failures": list(failures),
        "invocations": [_invocation(result) for result in run.results],
        "processes": [attrs.asdict(process) for process in run.processes],
        "timings": attrs.asdict(run.timings),
        "isolation": run.isolation,
        "notes": list(run.notes),
        "batches": {"taken": run.batches_delivered, "not_taken": run.batches_failed},
    }
    if outcome.account is not None and outcome.arrived is not None:
        document["account"] = account_text.as_document(outcome.account, verdict)
        document["intake"] = {"answered_otherwise": outcome.arrived["not_kept"], **outcome.arrived["statistics"]}
    return document


def _invocation(result: Any) -> dict[str, Any]:
    document = attrs.asdict(result)
    response = document.pop("response")
    return {**document, "response": None if response is None else response.decode("utf-8", "replace")}
