"""Payloads from sealed to dealt with: slots, bounds, another flush's turn, and the watermark that never passes what is under way."""

from collections import Counter

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsm import effects as do
from fsm.time import Now
from protocols.intake_body import Body
from reactor.agent import outbox as module
from reactor.agent.inputs import SendEnded, TimerDue
from reactor.agent.ledger import Ledger
from reactor.agent.outbox import Outbox
from reactor.agent.outputs import CancelPayload, ClearTimer, ForgetPayload, ReplacePayload, Say, SendPayload, SetTimer
from reactor.agent.timers import Timers

URL = "http://intake/api/v2/logs"


def at(ms):
    return Now(1_700_000_000_000 + ms, ms)


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def outbox(ledger):
    return Outbox(ledger, lambda: 0.0)


def numbers(out):
    return [effect.payload.number for effect in out if isinstance(effect, SendPayload)]


def test_at_most_four_requests_are_under_way_and_a_free_slot_is_filled_at_once(outbox, body_of):
    for _ in range(6):
        outbox.add(URL, body_of())
    assert numbers(outbox.flush(1_000, at(0))) == [1, 2, 3, 4]
    assert numbers(outbox.ended(SendEnded(2, 202), at(1))) == [5]
    assert numbers(outbox.ended(SendEnded(5, 202), at(2))) == [6]


def test_a_delivered_payload_is_counted_by_its_items_and_frees_its_bytes(outbox, ledger, body_of):
    outbox.add(URL, body_of(100, "logs", items=7))
    outbox.flush(1_000, at(0))
    assert (outbox.bytes, len(outbox), outbox.confirmed) == (100, 1, 0)
    outbox.ended(SendEnded(1, 202), at(1))
    assert (outbox.bytes, len(outbox), outbox.confirmed) == (0, 0, 1)
    assert ledger.statistics().delivered == {"logs": 7}


@pytest.mark.parametrize(
    ("status", "again"), [(500, True), (503, True), (429, True), (408, True), (400, False), (413, False), (404, False)]
)
def test_only_an_answer_that_may_change_is_tried_again(outbox, ledger, body_of, status, again):
    outbox.add(URL, body_of())
    outbox.flush(5_000, at(0))
    out = outbox.ended(SendEnded(1, status), at(10))
    assert [type(effect) for effect in out] == ([SetTimer] if again else [ForgetPayload])
    assert ledger.statistics().dropped == ({} if again else {f"logs: status {status}": 1})


def test_a_pause_keeps_its_slot_and_lasts_as_long_as_the_intake_asks(outbox, body_of):
    for _ in range(5):
        outbox.add(URL, body_of())
    outbox.flush(5_000, at(0))
    [timer] = outbox.ended(SendEnded(1, 429, retry_after_ms=2_000), at(10))
    assert timer == SetTimer("payload 1", timer.tick, timer.generation, 2_010)


def probe_due(out):
    """The timer of the intake among what the outbox asks for."""
    return next(effect for effect in out if isinstance(effect, SetTimer) and effect.owner == "intake http://intake")


def come_due(outbox, timer):
    return outbox.due(TimerDue(timer.owner, timer.tick, timer.generation), at(timer.at_mono_ms))


def test_an_intake_that_asks_for_more_time_than_there_is_gets_it(outbox, body_of):
    outbox.add(URL, body_of())
    outbox.flush(1_000, at(0))
    out = outbox.ended(SendEnded(1, 429, retry_after_ms=60_000), at(10))
    assert probe_due(out).at_mono_ms == 60_010
    assert outbox.confirmed == 1
    assert numbers(outbox.flush(3_000, at(2_000))) == []


def test_three_tries_in_one_flush_then_one_probe_beside_an_invocation_then_everything(outbox, ledger, body_of):
    timers, tries = Timers(), 0
    outbox.add(URL, body_of())
    out, now = outbox.flush(5_000, at(0)), 0
    while numbers(out):
        tries += 1
        out = outbox.ended(SendEnded(1, 500), at(now))
        if isinstance(out[0], SetTimer) and out[0].owner == "payload 1":
            timers.set(out[0])
            now = timers.next_at()
            out = outbox.due(timers.pop_due(now), at(now))
    assert tries == 3
    outbox.add(URL, body_of())
    assert numbers(outbox.flush(6_000, at(now + 1))) == []  # an intake that is down costs nothing
    assert outbox.confirmed == 2
    assert numbers(outbox.probe(at(now + 2))) == []  # it is too soon
    come_due(outbox, probe_due(out))
    assert numbers(outbox.probe(at(now + 1_500))) == [1]
    assert outbox.confirmed == 2  # nobody waits for a probe
    assert numbers(outbox.probe(at(now + 1_501))) == []  # one is enough
    outbox.ended(SendEnded(1, 202), at(now + 1_600))
    assert numbers(outbox.flush(9_000, at(now + 1_700))) == [2]
    outbox.ended(SendEnded(2, 202), at(now + 1_800))
    assert ledger.statistics().delivered == {"logs": 2}


def test_a_probe_that_fails_leaves_everything_where_it_was(outbox, body_of):
    outbox.add(URL, body_of())
    outbox.flush(100, at(0))
    come_due(outbox, probe_due(outbox.ended(SendEnded(1, None, reason="refused"), at(99))))
    assert numbers(outbox.probe(at(2_000))) == [1]
    pause = outbox.ended(SendEnded(1, 503), at(2_001))
    assert [effect.owner for effect in pause] == ["payload 1"]  # within its time, a probe is tried again like any payload
    out = outbox.discard_all("the end", at(2_002))
    assert outbox.confirmed == outbox.number
    assert ForgetPayload(1) in out


def test_a_request_that_fails_after_its_intake_was_given_up_is_not_tried_again_in_this_flush(outbox, body_of):
    for _ in range(2):
        outbox.add(URL, body_of())
    outbox.flush(5_000, at(0))
    outbox.ended(SendEnded(1, 403), at(10))
    outbox.ended(SendEnded(2, 500), at(11))
    assert outbox.confirmed == 2


def fail_for_good(outbox, number, now):
    """All tries of one payload fail; what came of the last."""
    out = outbox.ended(SendEnded(number, 500), at(now))
    while isinstance(out[0], SetTimer) and out[0].owner == f"payload {number}":
        now = out[0].at_mono_ms
        come_due(outbox, out[0])
        out = outbox.ended(SendEnded(number, 500), at(now))
    return out


def test_while_a_probe_is_under_way_there_is_no_second_one_whatever_others_found_out(outbox, body_of):
    """Of two requests the first fails; its probe is under way when the second fails too."""
    for _ in range(2):
        outbox.add(URL, body_of())
    outbox.flush(20_000, at(0))
    come_due(outbox, probe_due(fail_for_good(outbox, 1, 0)))
    assert numbers(outbox.probe(at(18_000))) == [1]
    come_due(outbox, probe_due(outbox.ended(SendEnded(2, 500), at(19_999))))
    assert numbers(outbox.probe(at(22_000))) == []
    outbox.ended(SendEnded(1, None, reason="no answer in time"), at(23_000))
    assert numbers(outbox.probe(at(23_100))) == [2]  # each has its turn


class FailsOver:
    """An intake that fails over some payloads, and an outbox that probes and flushes with each invocation."""

    def __init__(self, outbox, status, fails=lambda number: number == 1):
        self.outbox, self.status, self.fails, self.now, self.asked, self.out = outbox, status, fails, 0, [], []
        self.timers = Timers()

    def invoke(self, body):
        """An invocation, ten seconds after the one before: a probe, if one is due, then a flush of something new."""
        self.now += 10_000
        while (timer := self.timers.pop_due(self.now)) is not None:
            self.perform(self.outbox.due(timer, at(self.now)))
        self.perform(self.outbox.probe(at(self.now)))
        self.outbox.add(URL, body)
        self.perform(self.outbox.flush(self.now + 5_000, at(self.now)))

    def perform(self, out):
        self.out += out
        for effect in out:
            if isinstance(effect, SetTimer):
                self.timers.set(effect)
            elif isinstance(effect, ClearTimer):
                self.timers.clear(effect)
        for number in numbers(out):
            self.asked.append(number)
            self.perform(self.outbox.ended(SendEnded(number, self.status if self.fails(number) else 202), at(self.now)))
        while (at_ms := self.timers.next_at()) is not None and at_ms < self.now + 1_000:
            self.perform(self.outbox.due(self.timers.pop_due(at_ms), at(at_ms)))


@pytest.mark.parametrize("status", [500, 503])
def test_a_payload_that_its_intake_always_fails_over_does_not_keep_the_others_back_and_goes_after_five_times(
    outbox, ledger, body_of, status
):
    intake = FailsOver(outbox, status)
    for _ in range(40):
        intake.invoke(body_of())
    assert ledger.statistics().dropped == {f"logs: status {status} again and again, while others are taken": 1}
    assert ledger.statistics().delivered == {"logs": 39}
    assert len(outbox) == 0
    assert intake.asked.count(1) <= 30  # three tries in a flush, and three as a probe before it is another's turn, five times
    assert sum(isinstance(effect, ForgetPayload) for effect in intake.out) == 40


def test_a_payload_that_must_wait_for_a_rate_limit_is_not_to_blame(outbox, ledger, body_of):
    intake = FailsOver(outbox, 429)
    for _ in range(40):
        intake.invoke(body_of())
    assert ledger.statistics().dropped == {}
    assert ledger.statistics().delivered["logs"] >= 38
    intake.fails = lambda number: False
    for _ in range(3):
        intake.invoke(body_of())
    assert ledger.statistics().delivered == {"logs": 43}


def test_an_intake_that_takes_nothing_blames_nothing_and_has_all_of_it_when_it_heals(outbox, ledger, body_of):
    intake = FailsOver(outbox, 500, lambda number: True)
    for _ in range(30):
        intake.invoke(body_of())
    assert (ledger.statistics().dropped, len(outbox)) == ({}, 30)
    intake.fails = lambda number: False
    for _ in range(8):
        intake.invoke(body_of())
    assert ledger.statistics().delivered == {"logs": 38}


def test_the_last_flush_tries_what_is_down_too(outbox, body_of):
    outbox.add(URL, body_of())
    outbox.flush(100, at(0))
    outbox.ended(SendEnded(1, None, reason="refused"), at(99))
    assert numbers(outbox.flush(300, at(200))) == []
    assert numbers(outbox.flush(500, at(300), final=True)) == [1]


def test_an_intake_that_is_down_does_not_hold_up_another(outbox, body_of):
    outbox.add(URL, body_of())
    outbox.add("http://other/api/v2/series", body_of())
    assert numbers(outbox.flush(100, at(0))) == [1, 2]
    outbox.ended(SendEnded(1, None, reason="refused"), at(99))
    outbox.ended(SendEnded(2, 202), at(99))
    outbox.add(URL, body_of())
    outbox.add("http://other/api/v2/series", body_of())
    assert numbers(outbox.flush(1_100, at(200))) == [4]
    assert outbox.statistics() == {"http://intake": "OPEN", "http://other": "CLOSED"}


def test_a_refused_key_keeps_the_payload_and_bars_the_way_until_there_is_another(outbox, ledger, body_of):
    outbox.add(URL, body_of())
    outbox.add(URL, body_of())
    outbox.flush(1_000, at(0))
    out = outbox.ended(SendEnded(1, 403), at(10))
    assert do.RenewKey() in out
    assert do.RenewKey() not in outbox.ended(SendEnded(2, 403), at(11))
    assert (ledger.statistics().dropped, outbox.confirmed) == ({}, 2)
    assert numbers(outbox.flush(2_000, at(1_500), final=True)) == []
    outbox.key_found(at(1_600))
    assert numbers(outbox.flush(3_000, at(2_000))) == [1, 2]


def test_a_refused_key_is_tried_again_after_five_minutes_beside_an_invocation(outbox, ledger, body_of):
    outbox.add(URL, body_of())
    outbox.flush(1_000, at(0))
    due = probe_due(outbox.ended(SendEnded(1, 403), at(10)))
    assert due.at_mono_ms == 300_010
    assert numbers(outbox.probe(at(299_000))) == []
    come_due(outbox, due)
    assert numbers(outbox.probe(at(310_000))) == [1]
    outbox.ended(SendEnded(1, 202), at(310_010))
    assert ledger.statistics().delivered == {"logs": 1}
    outbox.add(URL, body_of())
    assert numbers(outbox.flush(311_000, at(310_020))) == [2]


def test_what_an_earlier_process_left_keeps_its_number_and_is_perhaps_there_already(outbox, ledger, body_of):
    outbox.adopt(7, URL, body_of(items=3), begun=True)
    assert outbox.add(URL, body_of()).number == 8
    assert numbers(outbox.flush(1_000, at(0))) == [7, 8]
    outbox.ended(SendEnded(7, 202), at(1))
    assert ledger.statistics().noted == {"logs: delivered, perhaps twice": 3}


def test_a_flush_that_joins_another_keeps_the_later_bound(outbox, body_of):
    outbox.add(URL, body_of())
    assert outbox.flush(30_000, at(0))[0].until_mono_ms == 30_000
    outbox.add(URL, body_of())
    assert outbox.flush(1_000, at(10))[0].until_mono_ms == 30_000


def test_a_new_flush_has_its_own_bound(outbox, body_of):
    outbox.add(URL, body_of())
    outbox.flush(30_000, at(0))
    outbox.ended(SendEnded(1, 202), at(5))
    outbox.add(URL, body_of())
    assert outbox.flush(1_000, at(10))[0].until_mono_ms == 1_000


def test_beyond_the_bound_in_bytes_the_oldest_goes_and_is_counted(outbox, ledger, body_of, monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 1_000)
    for _ in range(4):
        outbox.add(URL, body_of(400))
    assert numbers(outbox.flush(1_000, at(0))) == [3, 4]
    assert outbox.bytes == 800
    assert ledger.statistics().dropped == {"logs: no room": 2}


def test_one_that_is_larger_than_all_room_is_tried_in_its_first_flush_and_costs_no_other(outbox, ledger, body_of, monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 1_000)
    for size in (400, 5_000, 400):
        outbox.add(URL, body_of(size))
    assert numbers(outbox.flush(1_000, at(0))) == [1, 2, 3]
    for number in (1, 2, 3):
        outbox.ended(SendEnded(number, None, reason="no answer in time"), at(1_000))
    outbox.flush(2_000, at(1_000))
    assert outbox.bytes == 400
    assert ledger.statistics().dropped == {"logs: no room": 2}, "the oldest first, as ever"


def test_of_several_that_are_larger_than_all_room_the_newest_is_spared(outbox, ledger, body_of, monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 1_000)
    for size in (5_000, 400, 6_000):
        outbox.add(URL, body_of(size))
    assert numbers(outbox.flush(1_000, at(0))) == [2, 3]
    assert ledger.statistics().dropped == {"logs: no room": 1}


def test_beyond_the_bound_in_number_the_oldest_that_is_not_under_way_goes(outbox, ledger, body_of, monkeypatch):
    monkeypatch.setattr(module, "PAYLOADS_MAX", 3)
    outbox.add(URL, body_of())
    assert numbers(outbox.flush(1_000, at(0))) == [1]
    for _ in range(4):
        outbox.add(URL, body_of())
    assert numbers(outbox.flush(1_000, at(1))) == [4, 5]
    assert ledger.statistics().dropped == {"logs: no room": 2}


def test_discarding_cancels_what_is_under_way_and_counts_everything(outbox, ledger, body_of):
    for _ in range(5):
        outbox.add(URL, body_of(kind="series", items=2))
    outbox.flush(1_000, at(0))
    out = outbox.discard_all("the end", at(5))
    assert [effect.number for effect in out if isinstance(effect, CancelPayload)] == [1, 2, 3, 4]
    assert ledger.statistics().dropped == {"series: the end": 10}
    assert (len(outbox), outbox.bytes, outbox.confirmed) == (0, 0, 5)


def test_news_of_a_payload_that_is_gone_change_nothing(outbox, ledger):
    assert outbox.ended(SendEnded(9, 202), at(0)) == []
    assert ledger.statistics().delivered == {}


def test_an_answer_that_was_lost_is_remembered_until_the_next_one(outbox, ledger, body_of):
    outbox.add(URL, body_of(items=3))
    outbox.flush(100, at(0))
    come_due(outbox, probe_due(outbox.ended(SendEnded(1, None, reason="reset", unknown=True), at(99))))
    outbox.probe(at(1_200))
    outbox.ended(SendEnded(1, 202), at(201))
    assert ledger.statistics().delivered == {"logs": 3}
    assert ledger.statistics().noted == {"logs: delivered, perhaps twice": 3}


def test_what_waits_for_a_slot_when_the_bound_passes_is_set_aside(outbox, body_of):
    for _ in range(6):
        outbox.add(URL, body_of())
    outbox.flush(100, at(0))
    for number in (1, 2, 3, 4):
        outbox.ended(SendEnded(number, 202), at(100))
    assert outbox.confirmed == 6
    assert numbers(outbox.flush(1_000, at(200))) == [5, 6]


# --- several intakes

OTHER = "http://other/api/v2/series"


def add(outbox, body_of, *places):
    """Payloads for (url, key) or url, in this order."""
    for place in places:
        url, key = place if isinstance(place, tuple) else (place, 0)
        outbox.add(url, body_of(), key)


def test_free_slots_go_round_among_the_intakes(outbox, body_of):
    add(outbox, body_of, *[URL] * 5, *[OTHER] * 5)
    assert numbers(outbox.flush(1_000, at(0))) == [1, 6, 2, 7]
    assert numbers(outbox.ended(SendEnded(6, 202), at(1))) == [8]
    assert numbers(outbox.ended(SendEnded(1, 202), at(2))) == [3]
    assert numbers(outbox.ended(SendEnded(7, 202), at(3))) == [9]


def test_one_slow_intake_does_not_keep_another_waiting_however_much_it_has(outbox, body_of):
    add(outbox, body_of, *[URL] * 10, *[OTHER] * 10)
    sent = numbers(outbox.flush(30_000, at(0)))
    quick = [number for number in sent if number > 10]
    done = 0
    while quick:  # the first intake hangs; the other answers at once
        done += 1
        quick += [number for number in numbers(outbox.ended(SendEnded(quick.pop(0), 202), at(done))) if number > 10]
    assert done == 10
    assert outbox.confirmed == 0


def test_an_intake_that_holds_every_slot_keeps_nobody_from_a_first_one(outbox, body_of):
    add(outbox, body_of, *[URL] * 6)
    assert numbers(outbox.flush(30_000, at(0))) == [1, 2, 3, 4]
    add(outbox, body_of, OTHER, OTHER)
    assert numbers(outbox.flush(30_000, at(10))) == [7]
    assert numbers(outbox.ended(SendEnded(7, 202), at(20))) == [8]


def test_additional_intakes_have_slots_of_their_own(outbox, body_of):
    add(outbox, body_of, *[URL] * 5, *[(OTHER, 1)] * 5, *[(OTHER, 2)] * 5)
    assert numbers(outbox.flush(1_000, at(0))) == [1, 6, 11, 2, 7, 12, 3, 4]
    assert numbers(outbox.ended(SendEnded(6, 202), at(1))) == [8]
    assert numbers(outbox.ended(SendEnded(1, 202), at(2))) == [5]


def test_each_key_of_one_host_has_a_circuit_of_its_own(outbox, body_of):
    add(outbox, body_of, URL, (URL, 1), (URL, 2))
    outbox.flush(1_000, at(0))
    [line] = [effect for effect in outbox.ended(SendEnded(2, 403), at(1)) if isinstance(effect, Say)]
    assert (line.level, "additional key 1" in line.text) == ("ERROR", True)
    outbox.ended(SendEnded(1, 202), at(2))
    outbox.ended(SendEnded(3, None, reason="refused"), at(990))
    assert outbox.statistics() == {
        "http://intake": "CLOSED",
        "http://intake (additional key 1)": "KEY_REFUSED",
        "http://intake (additional key 2)": "OPEN",
    }
    outbox.key_found(at(1_000))  # of the extension's own
    assert outbox.statistics()["http://intake (additional key 1)"] == "KEY_REFUSED"


def test_a_refused_additional_key_asks_for_no_other(outbox, body_of):
    add(outbox, body_of, (URL, 1))
    outbox.flush(1_000, at(0))
    out = outbox.ended(SendEnded(1, 403), at(1))
    assert do.RenewKey() not in out
    assert [effect.level for effect in out if isinstance(effect, Say)] == ["ERROR"]
    come_due(outbox, next(effect for effect in out if isinstance(effect, SetTimer)))
    assert numbers(outbox.probe(at(310_000))) == [1]
    assert not [effect for effect in outbox.ended(SendEnded(1, 403), at(310_001)) if isinstance(effect, Say)]  # it was said before


def test_an_additional_intake_that_is_down_costs_no_payload_of_the_main_one(outbox, ledger, body_of, monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 1_000)
    outbox.add(URL, body_of(300, "series"))
    for _ in range(3):
        outbox.add(OTHER, body_of(300), 1)
    outbox.flush(1_000, at(0))
    for number in (2, 3, 4):
        outbox.ended(SendEnded(number, None, reason="refused"), at(999))
    outbox.ended(SendEnded(1, None, reason="refused"), at(999))
    outbox.add(URL, body_of(300, "series"))
    outbox.flush(2_000, at(1_000))
    assert ledger.statistics().dropped == {"logs: no room": 2}
    assert outbox.bytes == 900


def test_why_an_intake_takes_nothing_is_said_once_for_each_reason(outbox, body_of):
    add(outbox, body_of, URL, OTHER)
    outbox.flush(100, at(0))
    out = outbox.ended(SendEnded(1, None, reason="certificate has expired"), at(99))
    assert [effect for effect in out if isinstance(effect, Say)] == [
        Say("WARN", "http://intake does not take what is sent: certificate has expired; it is kept, within bounds, and tried again")
    ]
    for reason, words in (("certificate has expired", 0), ("refused", 1)):
        outbox.flush(300, at(200), final=True)
        out = outbox.ended(SendEnded(1, None, reason=reason), at(299))
        assert len([effect for effect in out if isinstance(effect, Say)]) == words


def test_the_last_flush_waits_for_a_probe_that_is_under_way(outbox, body_of):
    add(outbox, body_of, URL)
    outbox.flush(100, at(0))
    come_due(outbox, probe_due(outbox.ended(SendEnded(1, None, reason="refused"), at(99))))
    outbox.probe(at(1_200))
    assert outbox.confirmed == 1
    outbox.flush(2_000, at(1_300), final=True)
    assert outbox.confirmed == 0
    outbox.ended(SendEnded(1, 202), at(1_400))
    assert outbox.confirmed == 1


# --- what is too large


def logs(count):
    entries = ",".join(f'{{"message":"{number}"}}' for number in range(count))
    return Body("logs", "/api/v2/logs", "application/json", f"[{entries}]".encode(), count)


def test_a_payload_that_is_too_large_goes_on_as_two_and_the_flush_waits_for_both(outbox, ledger):
    outbox.add(URL, logs(5))
    outbox.flush(1_000, at(0))
    out = outbox.ended(SendEnded(1, 413), at(10))
    [replaced] = [effect for effect in out if isinstance(effect, ReplacePayload)]
    assert (replaced.number, [half.body.items for half in replaced.payloads]) == (1, [2, 3])
    assert (numbers(out), outbox.confirmed) == ([2, 3], 0)
    outbox.ended(SendEnded(2, 202), at(20))
    assert outbox.confirmed == 0
    outbox.ended(SendEnded(3, 202), at(30))
    assert outbox.confirmed == outbox.number == 3
    assert (ledger.statistics().delivered, ledger.statistics().dropped, outbox.bytes) == ({"logs": 5}, {}, 0)


def test_halves_of_what_may_have_arrived_whole_may_arrive_twice(outbox, ledger):
    """Worlds 224, 518, 635 and 1957: an answer was lost, and the second try was answered 413."""
    outbox.add(URL, logs(4))
    outbox.flush(5_000, at(0))
    [pause] = outbox.ended(SendEnded(1, None, reason="no answer", unknown=True), at(10))
    come_due(outbox, pause)
    out = outbox.ended(SendEnded(1, 413), at(200))
    assert [effect.begun for effect in out if isinstance(effect, ReplacePayload)] == [True]
    for number in (2, 3):
        outbox.ended(SendEnded(number, 202), at(300))
    assert ledger.statistics().noted["logs: delivered, perhaps twice"] == 4


def test_it_is_halved_until_it_fits_and_what_cannot_be_halved_is_dropped(outbox, ledger):
    outbox.add(URL, logs(4))
    waiting = numbers(outbox.flush(1_000, at(0)))
    sizes = {}

    def collect(out):
        sizes.update({effect.payload.number: effect.payload.body for effect in out if isinstance(effect, SendPayload)})
        return numbers(out)

    while waiting:
        number = waiting.pop(0)
        too_large = number not in sizes or sizes[number].items > 1 or b'"3"' in sizes[number].raw
        waiting += collect(outbox.ended(SendEnded(number, 413 if too_large else 202), at(10)))
    assert ledger.statistics().delivered == {"logs": 3}
    assert ledger.statistics().dropped == {"logs: status 413": 1}
    assert (len(outbox), outbox.confirmed) == (0, outbox.number)


def test_halves_keep_the_key_and_the_place_and_go_before_what_came_later(outbox):
    for _ in range(5):
        outbox.add(URL, logs(2), 1)
    assert numbers(outbox.flush(1_000, at(0))) == [1, 2, 3, 4]
    out = outbox.ended(SendEnded(1, 413), at(10))
    assert numbers(out) == [6]
    assert {(half.url, half.key) for effect in out if isinstance(effect, ReplacePayload) for half in effect.payloads} == {(URL, 1)}


def test_a_body_that_cannot_be_taken_apart_is_counted_and_costs_nothing_else(ledger):
    def broken(body):
        raise ValueError("not ours")

    outbox = Outbox(ledger, lambda: 0.0, halves_of=broken)
    outbox.add(URL, logs(2))
    outbox.flush(1_000, at(0))
    assert outbox.ended(SendEnded(1, 413), at(10)) == [ForgetPayload(1)]
    assert ledger.statistics().dropped == {"logs: status 413": 2}


# --- any order of happenings

STEPS = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 600), st.sampled_from([(URL, 0), (OTHER, 0), (URL, 1), (OTHER, 2)])),
    st.tuples(st.just("flush"), st.integers(0, 2_000)),
    st.tuples(st.just("end"), st.integers(0, 3), st.sampled_from([200, 202, 403, 413, 429, 500, None])),
    st.tuples(st.just("pass"), st.integers(0, 1_500)),
    st.tuples(st.just("probe")),
    st.tuples(st.just("key")),
    st.tuples(st.just("last"), st.integers(0, 2_000)),
)


def cut_in_two(body):
    middle = body.items // 2
    return [attrs.evolve(body, raw=b"x" * items, items=items) for items in (middle, body.items - middle)]


@settings(max_examples=150)
@given(st.lists(STEPS, max_size=60))
def test_in_any_order_the_watermark_is_true_and_every_item_is_counted_exactly_once(steps):
    ledger, timers = Ledger(), Timers()
    outbox = Outbox(ledger, lambda: 0.5, halves_of=cut_in_two)
    under_way: list[int] = []
    forgotten: list[int] = []
    probes: set[int] = set()
    made: set[int] = set()  # halves: a flush waits for them under another number
    added: Counter[int] = Counter()
    now = 0

    def perform(out):
        for effect in out:
            if isinstance(effect, SendPayload):
                assert effect.payload.number not in under_way
                under_way.append(effect.payload.number)
            elif isinstance(effect, SetTimer):
                timers.set(effect)
            elif isinstance(effect, ClearTimer):
                timers.clear(effect)
            elif isinstance(effect, CancelPayload):
                under_way.remove(effect.number)
            elif isinstance(effect, ForgetPayload):
                forgotten.append(effect.number)
            elif isinstance(effect, ReplacePayload):
                made.update(half.number for half in effect.payloads)
        # Two sets of slots; one more each for an intake that would have none, and for a probe.
        assert len(under_way) <= 2 * module.SLOTS + 2 * 4
        assert all(number > outbox.confirmed for number in under_way if number not in probes and number not in made)

    for step, *arguments in steps:
        if step == "add":
            size, (url, key) = arguments
            outbox.add(url, Body("logs", "/", "text/plain", b"x" * size, size), key)
            added[outbox.number] = arguments[0]
        elif step in ("flush", "last"):
            perform(outbox.flush(now + arguments[0], at(now), final=step == "last"))
        elif step == "probe":
            probes |= set(numbers(out := outbox.probe(at(now))))
            perform(out)
        elif step == "key":
            perform(outbox.key_found(at(now)))
        elif step == "end" and under_way:
            number = under_way.pop(arguments[0] % len(under_way))
            probes.discard(number)
            perform(outbox.ended(SendEnded(number, arguments[1], unknown=arguments[1] is None), at(now)))
        elif step == "pass":
            now += arguments[0]
            while (due := timers.pop_due(now)) is not None:
                perform(outbox.due(due, at(now)))
    waiting = sum(added.values()) - sum(ledger.statistics().delivered.values()) - sum(ledger.statistics().dropped.values())
    assert outbox.bytes == waiting
    perform(outbox.discard_all("the end", at(now)))
    statistics = ledger.statistics()
    assert under_way == []
    assert sum(statistics.delivered.values()) + sum(statistics.dropped.values()) == sum(added.values())
    assert (len(outbox), outbox.bytes, outbox.confirmed) == (0, 0, outbox.number)
    assert sorted(forgotten) == sorted({*added, *made})
