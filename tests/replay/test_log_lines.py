"""A function that logs in every form, replayed: exactly the expected payloads, member by member and in their order."""

import json
from random import Random

import pytest

from fixtures import made_logs, record
from protocols.intake_logs import CUT_MARK, ENTRY_BYTES_MAX
from reactor.agent.replay import Replay, Watcher, settings_of

EXPECTED = json.loads((record.EXPECTED / "made-log-lines.json").read_text(encoding="utf-8"))


class Bodies(Watcher):
    """Keeps the bodies of logs that would have been sent."""

    def __init__(self):
        self.raw = []

    def sent(self, sent):
        if sent.payload.body.kind == "logs":
            self.raw.append(sent.payload.body.raw)


def with_the_huge_line(told):
    """The recording, the mark replaced by what it stands for."""
    for each in told:
        for item in each.fields.get("records", ()):
            if item["record"] == made_logs.HUGE_MARK:
                item["record"] = "x" * made_logs.HUGE_BYTES
        yield each


@pytest.fixture(scope="module")
def replayed():
    ((header, told),) = record.read("made-log-lines")
    bodies = Bodies()
    replay = Replay(header, settings_of(header)[0], Random(0).random, bodies)
    replay.run(with_the_huge_line(told))
    return bodies.raw, replay.agent


def test_the_payloads_are_exactly_those_expected(replayed):
    found = [json.loads(raw) for raw in replayed[0]]
    (huge,) = [entry for body in found for entry in body if entry["message"]["message"].endswith(CUT_MARK)]
    cut = huge["message"]["message"]
    assert cut == "x" * (len(cut) - len(CUT_MARK)) + CUT_MARK
    assert len(json.dumps(huge, ensure_ascii=False, separators=(",", ":")).encode()) == ENTRY_BYTES_MAX
    huge["message"]["message"] = made_logs.HUGE_MARK + CUT_MARK
    assert found == EXPECTED


def test_keys_are_in_the_specified_order_and_the_json_is_compact(replayed):
    for raw, expected in zip(replayed[0], EXPECTED, strict=True):
        text = json.dumps(json.loads(raw), ensure_ascii=False, separators=(",", ":"))
        assert len(text.encode()) == len(raw), "no blanks, nothing escaped that need not be"
        assert [list(entry) for entry in json.loads(raw)] == [list(entry) for entry in expected]
        assert [list(entry["message"]) for entry in json.loads(raw)] == [["message", "lambda", "timestamp", "status"]] * len(expected)


def test_what_is_neither_text_nor_object_is_counted(replayed):
    agent = replayed[1]
    agent.account()
    assert agent.ledger.dropped == {"log line: unreadable": 2}
