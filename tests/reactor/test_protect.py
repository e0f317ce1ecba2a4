"""What is accepted is written down in time, and what is sealed or confirmed is not kept twice."""

import pytest
import trio

from protocols import spool_format as form
from protocols.http_server import Request
from protocols.intake_body import Body
from reactor import protect as module
from reactor.agent.outputs import ForgetPayload, KeepPayloads, Payload, ReplacePayload
from reactor.net.clock import SimulatedClock
from reactor.protect import Protection

LOGS = Body("logs", "/api/v2/logs", "application/json", b"[]", 1)
URL = "http://intake:8080/api/v2/logs"
LINE = ["a line", 5, "info", None, "", False, None]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "spool")


@pytest.fixture
async def protection(path, nursery):
    made = Protection(path, "f", SimulatedClock(), lambda level, text: None)
    nursery.start_soon(made.run)
    return made


def on_disk(path):
    with open(path, "rb") as file:
        return form.read(file.read())


def datagrams(path):
    return [line for taken in on_disk(path).taken if taken.kind == form.DATAGRAMS for line in taken.data.split(b"\n")]


def ignore(contents):
    """Whoever recovers has nothing to do with it."""


async def test_telemetry_is_there_when_it_is_answered(autojump_clock, protection, path):
    protection.open(ignore)
    protection.take_telemetry(b"[1]")
    assert [(taken.kind, taken.data) for taken in on_disk(path).taken] == [(form.TELEMETRY, b"[1]")]


async def test_datagrams_are_there_a_tenth_of_a_second_after_the_first(autojump_clock, protection, path):
    protection.open(ignore)
    protection.take_datagrams([b"a:1|c", b"b:1|c"])
    await trio.sleep(0.05)
    protection.take_datagrams([b"c:1|c"])
    assert datagrams(path) == []
    await trio.sleep(0.0501)
    assert datagrams(path) == [b"a:1|c", b"b:1|c", b"c:1|c"]
    protection.take_datagrams([b"d:1|c"])
    await trio.sleep(0.11)
    assert datagrams(path)[3:] == [b"d:1|c"]


async def test_many_datagrams_are_written_at_once(autojump_clock, protection, path, monkeypatch):
    monkeypatch.setattr(module, "DATAGRAMS_BYTES_MAX", 10)
    protection.open(ignore)
    protection.take_datagrams([b"a:1|c", b"b:1|c", b"c:1|c"])
    assert len(datagrams(path)) == 3


async def test_a_checkpoint_before_a_freeze_writes_them_too(autojump_clock, protection, path):
    protection.open(ignore)
    protection.take_datagrams([b"a:1|c"])
    protection.checkpoint()
    assert datagrams(path) == [b"a:1|c"]


async def test_what_comes_before_there_is_a_spool_waits_for_it(autojump_clock, protection, path):
    protection.take_datagrams([b"a:1|c"])
    await trio.sleep(2)  # the registration is slow
    protection.open(ignore)
    await trio.sleep(0.11)
    assert datagrams(path) == [b"a:1|c"]


async def test_what_is_recovered_takes_nothing_from_what_came_meanwhile(autojump_clock, protection, path):
    before = Protection(path, "f", SimulatedClock(), lambda level, text: None)
    before.open(ignore)
    before.take_telemetry(b"[1]")
    before.close()
    protection.take_datagrams([b"a:1|c"])
    found = []

    def recover(contents):
        found.append(contents)
        protection.keep(KeepPayloads((Payload(1, URL, LOGS),)))

    protection.open(recover)
    await trio.sleep(0.11)
    assert [taken.data for taken in found[0].taken] == [b"[1]"]
    assert datagrams(path) == [b"a:1|c"]
    assert [kept.number for kept in on_disk(path).kept] == [1]


async def test_a_seal_stands_for_what_was_taken_and_keeps_what_waits(autojump_clock, protection, path):
    protection.open(ignore)
    protection.take_telemetry(b"[1]")
    protection.take_datagrams([b"a:1|c"])
    protection.keep(KeepPayloads((Payload(1, URL, LOGS, 2),), [LINE], "r1"))
    await trio.sleep(0.11)
    contents = on_disk(path)
    assert (contents.taken, contents.waiting, contents.request_id) == ([], [LINE], "r1")
    assert contents.kept == [form.Kept(1, URL, LOGS, False, 2)]
    protection.forget(ForgetPayload(1))
    contents = on_disk(path)
    assert (contents.kept, contents.waiting, contents.request_id) == ([], [LINE], "r1")


async def test_what_was_being_sent_says_so_and_what_was_halved_is_in_its_halves(autojump_clock, protection, path):
    protection.open(ignore)
    protection.keep(KeepPayloads((Payload(1, URL, LOGS), Payload(2, URL, LOGS))))
    protection.begin(1)
    protection.begin(2)
    protection.replace(ReplacePayload(1, (Payload(3, URL, LOGS), Payload(4, URL, LOGS))))
    protection.forget(ForgetPayload(1))
    assert [(kept.number, kept.begun) for kept in on_disk(path).kept] == [(2, True), (3, False), (4, False)]


async def test_halves_of_what_may_have_arrived_say_so_too(autojump_clock, protection, path):
    protection.open(ignore)
    protection.keep(KeepPayloads((Payload(1, URL, LOGS),)))
    protection.replace(ReplacePayload(1, (Payload(2, URL, LOGS), Payload(3, URL, LOGS)), begun=True))
    protection.forget(ForgetPayload(1))
    assert [(kept.number, kept.begun) for kept in on_disk(path).kept] == [(2, True), (3, True)]


@pytest.mark.parametrize("why", ["no path", "no file"])
async def test_without_a_spool_nothing_is_kept_in_memory_for_it(autojump_clock, tmp_path, why):
    path = None if why == "no path" else str(tmp_path / "no" / "folder")
    protection = Protection(path, "f", SimulatedClock(), lambda level, text: None)
    recovered = []
    protection.open(recovered.append)
    for _ in range(3):
        protection.take_telemetry(b"[1]")
        protection.take_datagrams([b"a:1|c"])
        protection.keep(KeepPayloads((Payload(1, URL, LOGS),)))
        protection.begin(1)
        protection.forget(ForgetPayload(1))
        protection.checkpoint()
    assert recovered == []
    assert protection._datagrams == []
    protection.close()


async def test_a_request_is_there_when_it_is_answered(autojump_clock, protection, path):
    request = Request("PUT", "/profiling/v1/input?a=1", ((b"content-type", b"x"),), b"\x00\xff")
    protection.take_request(request)
    protection.open(ignore)
    protection.take_request(request)
    [taken] = on_disk(path).taken
    assert taken.kind == form.REQUEST
    *fields, sealed = form.read_request(taken.data)
    assert (Request(*fields), sealed) == (request, 0)
