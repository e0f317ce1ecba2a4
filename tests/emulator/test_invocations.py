"""The arithmetic of an invocation's end."""

from pathlib import Path

import pytest

from emulator.invocations import Running, billed_ms, report_metrics
from emulator.values import FunctionConfig, Invocation


def running(**changes):
    base = {"invocation": Invocation(b"{}"), "request_id": "r", "trace_id": None, "span_id": "s", "arn": "arn", "deadline_epoch_ms": 0}
    return Running(**{**base, "started_ms": 1_000.0, "epoch_of_ms": 0.0, **changes})


def config(**changes):
    return FunctionConfig(**{"handler": "a.b", "task_root": Path("/"), "memory_mb": 256, **changes})


@pytest.mark.parametrize(("duration", "init", "billed"), [(160.4, 392.1, 553), (160.4, None, 161), (160.0, None, 160), (0.0, None, 0)])
def test_time_is_billed_up_to_the_whole_millisecond_with_the_init(duration, init, billed):
    assert billed_ms(duration, init) == billed


def test_a_cold_start_reports_its_init():
    metrics = report_metrics(config(), running(init_ms=392.1, cold=True), 160.4, 81)
    assert metrics == {
        "durationMs": 160.4,
        "billedDurationMs": 553,
        "memorySizeMB": 256,
        "maxMemoryUsedMB": 81,
        "initDurationMs": 392.1,
    }


def test_a_repeated_init_shows_in_the_bill_alone():
    metrics = report_metrics(config(), running(init_ms=392.1), 160.4, 81)
    assert "initDurationMs" not in metrics
    assert metrics["billedDurationMs"] == 553


def test_a_restored_sandbox_reports_the_restore():
    metrics = report_metrics(config(init_type="snap-start"), running(restore_ms=150.25, cold=True), 10.0, 81)
    assert (metrics["restoreDurationMs"], metrics["billedRestoreDurationMs"], "initDurationMs" in metrics) == (150.25, 151, False)


def test_managed_instances_report_the_duration_alone():
    managed = config(init_type="lambda-managed-instances")
    assert report_metrics(managed, running(), 12.0034, 81) == {"durationMs": 12.003}


def test_the_spans_of_an_answer_add_up_to_the_runtimes_time():
    subject = running()
    subject.answer("success", b"{}", 1_157.2, 1_157.3)
    subject.runtime_next_ms = 1_158.9
    spans = {span["name"]: span["durationMs"] for span in subject.runtime_spans()}
    assert spans == {"responseLatency": 157.2, "responseDuration": 0.1, "runtimeOverhead": 1.6}


def test_without_an_answer_there_are_no_spans():
    assert running().runtime_spans() == []


@pytest.mark.parametrize(
    ("answered", "status", "error_type", "expected"),
    [
        (("success", None), "success", None, "success"),
        (("error", "Function.Failed"), "error", "Function.Failed", "error"),
        (None, "timeout", None, "timeout"),
        (None, "error", "Runtime.ExitError", "crash"),
        (("success", None), "error", "Extension.Crash", "crash"),
    ],
)
def test_a_result_tells_a_handlers_error_from_a_crash(answered, status, error_type, expected):
    subject = running()
    if answered:
        subject.answer(answered[0], b"x", 1_010.0, 1_011.0, answered[1])
    subject.runtime_done_ms = 1_020.0
    result = subject.finish(status, error_type, 1_050.0, 50)
    assert (result.status, result.duration_ms, result.post_runtime_ms) == (expected, 50.0, 30.0)
    assert subject.over.is_set()
