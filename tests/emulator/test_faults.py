"""Faults as text, and when they strike."""

import pytest

from emulator.faults import Fault, FaultBook, parse_fault

TEXTS = [
    "drop:platform.runtimeDone@2",
    "duplicate:platform.report",
    "unknown@1",
    "malformed",
    "reorder@3",
    "slow-telemetry:500",
    "runtime-done-first@1",
    "subscribe:202",
    "subscribe:never",
    "register:delay=3000",
    "register:close@1",
    "next:half@2",
    "next:503@1",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_fault_is_read_and_written_alike(text):
    assert str(parse_fault(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "drop",
        "unknown:x",
        "drop:a@0",
        "drop:a@x",
        "slow-telemetry:soon",
        "register:half",
        "next:999",
        "next:delay=x",
        "next",
    ],
)
def test_nonsense_is_refused(text):
    with pytest.raises(ValueError, match="fault"):
        parse_fault(text)


def test_a_fault_with_a_number_strikes_on_that_occasion_only():
    book = FaultBook((Fault("unknown", nth=2),))
    assert [bool(book.strikes("unknown")) for _ in range(3)] == [False, True, False]


def test_a_fault_without_a_number_strikes_always():
    book = FaultBook((Fault("unknown"),))
    assert all(book.strikes("unknown") for _ in range(3))


def test_record_types_are_counted_apart():
    book = FaultBook((parse_fault("drop:platform.start@2"),))
    struck = [bool(book.strikes("drop", kind)) for kind in ("platform.start", "function", "function", "platform.start")]
    assert struck == [False, False, False, True]


def test_a_fault_that_never_had_its_occasion_is_named():
    book = FaultBook((parse_fault("unknown@5"), parse_fault("malformed")))
    book.strikes("malformed")
    assert [str(fault) for fault in book.unused()] == ["unknown@5"]
