"""The spool on disk: taken over, bounded, cut, and never fatal."""

import os
import stat

import pytest

from protocols import spool_format as form
from protocols.intake_body import Body
from reactor import spool as module
from reactor.agent.outputs import Payload
from reactor.spool import Spool

LOGS = Body("logs", "/api/v2/logs", "application/json", b'[{"a":1}]', 1)
URL = "https://intake.example/api/v2/logs"


class Home:
    """One `/tmp`, and what was said."""

    def __init__(self, folder):
        self.path, self.said = str(folder / "spool"), []

    def open(self, owner="f"):
        return Spool.open(self.path, owner, lambda level, text: self.said.append(text))

    def data(self):
        with open(self.path, "rb") as file:
            return file.read()


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def test_a_new_spool_is_empty_and_for_its_owner_alone(home):
    _, contents = home.open()
    assert (contents.taken, contents.kept) == ([], [])
    assert stat.S_IMODE(os.stat(home.path).st_mode) == 0o600
    assert home.said == []


def test_what_was_taken_is_found_by_the_next_process(home):
    spool, _ = home.open()
    spool.take(form.TELEMETRY, 5, b"[1]")
    spool.take(form.DATAGRAMS, 6, b"a:1|c")
    spool.close()
    _, contents = home.open()
    assert [taken.data for taken in contents.taken] == [b"[1]", b"a:1|c"]


def test_what_was_sealed_is_found_until_it_is_resolved(home):
    spool, _ = home.open()
    spool.take(form.TELEMETRY, 5, b"[1]")
    spool.seal([Payload(1, URL, LOGS), Payload(2, URL, LOGS)])
    spool.begin(1)
    spool.resolve(1)
    spool.close()
    spool, contents = home.open()
    assert (contents.taken, contents.kept) == ([], [form.Kept(2, URL, LOGS, begun=False)])


def test_when_nothing_is_left_the_file_is_cut(home):
    spool, _ = home.open()
    empty = len(home.data())
    spool.take(form.TELEMETRY, 5, b"[1]" * 100)
    spool.seal([Payload(1, URL, LOGS)])
    spool.begin(1)
    assert len(home.data()) > empty
    spool.resolve(1)
    assert len(home.data()) == empty == spool.statistics().bytes


def test_it_is_not_cut_while_something_was_taken_after_the_seal(home):
    spool, _ = home.open()
    spool.seal([Payload(1, URL, LOGS)])
    spool.take(form.TELEMETRY, 5, b"[2]")
    spool.resolve(1)
    spool.close()
    assert [taken.data for taken in home.open()[1].taken] == [b"[2]"]


def test_a_seal_without_payloads_is_written_if_something_was_taken(home):
    spool, _ = home.open()
    spool.take(form.TELEMETRY, 5, b"[1]")
    spool.seal([])
    spool.close()
    assert home.open()[1].taken == []


def test_what_is_over_the_bound_is_counted_and_said_once(home, monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 200)
    spool, _ = home.open()
    for _ in range(3):
        spool.take(form.TELEMETRY, 5, b"x" * 300)
    assert spool.statistics().unprotected == {"telemetry: over the bound": 3}
    assert home.said == ["not protected by the spool: telemetry: over the bound"]


def test_at_most_a_quarter_of_what_is_free_is_taken(home, monkeypatch):
    monkeypatch.setattr(os, "statvfs", lambda path: type("Space", (), {"f_bavail": 10, "f_frsize": 4096}))
    assert home.open()[0].statistics().bytes_max == 10_240


BIG = Body("logs", "/api/v2/logs", "application/json", b"x" * 300, 1)


def found(home, owner="f"):
    """What a later process finds: the bytes taken, and the numbers kept."""
    spool, contents = home.open(owner)
    spool.close()
    return [taken.data for taken in contents.taken], [kept.number for kept in contents.kept]


def test_something_that_does_not_fit_leaves_what_was_taken_before_it_protected(home, monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 500)
    spool, _ = home.open()
    spool.seal([Payload(1, URL, LOGS)])
    spool.take(form.TELEMETRY, 5, b"[1]")
    spool.take(form.TELEMETRY, 6, b"x" * 600)
    spool.resolve(1)
    spool.close()
    assert found(home) == ([b"[1]"], [])


def test_what_is_confirmed_makes_room_while_something_else_is_kept_for_ever(home, monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 4_000)
    spool, _ = home.open()
    spool.seal([Payload(1, URL, LOGS)])  # of an intake that is down
    for number in range(2, 60):
        spool.take(form.TELEMETRY, number, b"[%d]" % number)
        spool.seal([Payload(number, URL, BIG)])
        spool.begin(number)
        spool.resolve(number)
    spool.take(form.TELEMETRY, 99, b"[99]")
    assert spool.statistics().unprotected == {}
    assert 0 < spool.statistics().rewritten < 20
    assert len(home.data()) <= 4_000
    spool.close()
    assert found(home) == ([b"[99]"], [1])
    assert not os.path.exists(home.path + ".new")


def test_a_seal_over_the_bound_lets_go_of_what_it_seals_and_keeps_the_oldest_payloads(home, monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 1_200)
    spool, _ = home.open()
    spool.seal([Payload(1, URL, BIG)])
    spool.take(form.TELEMETRY, 5, b"y" * 500)
    spool.seal([Payload(2, URL, BIG), Payload(3, URL, BIG)])
    assert spool.statistics().unprotected == {"payloads: over the bound": 1}
    spool.begin(3)
    spool.resolve(3)
    spool.close()
    assert found(home) == ([], [1, 2])


def test_a_file_that_is_written_anew_belongs_to_one_process_still(home, monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 1_200)
    spool, _ = home.open()
    for number in range(1, 9):
        spool.seal([Payload(number, URL, BIG)])
        spool.resolve(number) if number > 1 else None
    assert spool.statistics().rewritten
    assert not home.open()[0].is_open
    spool.close()
    assert found(home) == ([], [1])


def test_without_room_for_two_files_it_is_written_anew_in_place(home, monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 1_200)
    spool, _ = home.open()
    spool.seal([Payload(1, URL, BIG)])
    spool.take(form.TELEMETRY, 5, b"y" * 500)
    monkeypatch.setattr(os, "rename", lambda *names: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    spool.seal([Payload(2, URL, BIG)])
    spool.close()
    assert found(home) == ([], [1, 2])


def test_a_disk_that_stays_full_costs_protection_alone(home, monkeypatch):
    spool, _ = home.open()
    spool.take(form.TELEMETRY, 5, b"[1]")
    write = os.pwritev
    monkeypatch.setattr(os, "pwritev", lambda descriptor, data, at: write(descriptor, [b"".join(data)[:10]], at))
    spool.seal([Payload(1, URL, BIG)])
    assert spool.statistics().unprotected == {"payloads: no space": 1}
    monkeypatch.setattr(os, "pwritev", write)
    spool.resolve(1)
    spool.seal([Payload(2, URL, LOGS)])
    spool.close()
    assert found(home) == ([], [2])


def test_one_payload_is_replaced_by_several(home):
    spool, _ = home.open()
    spool.seal([Payload(1, URL, BIG), Payload(2, URL, LOGS)])
    spool.replace(1, [Payload(3, URL, LOGS), Payload(4, URL, LOGS)])
    spool.resolve(1)
    spool.close()
    assert found(home) == ([], [2, 3, 4])


def test_a_part_of_a_record_is_cut_off_again(home, monkeypatch):
    spool, _ = home.open()
    spool.take(form.TELEMETRY, 5, b"[1]")
    whole = home.data()
    write = os.pwritev
    monkeypatch.setattr(os, "pwritev", lambda descriptor, data, at: write(descriptor, [b"".join(data)[:7]], at))
    spool.take(form.TELEMETRY, 6, b"[2]")
    assert home.data() == whole


def test_the_key_of_a_payload_is_remembered_by_its_place(home):
    spool, _ = home.open()
    spool.seal([Payload(1, URL, LOGS, key=2)])
    spool.close()
    assert home.open()[1].kept == [form.Kept(1, URL, LOGS, False, 2)]


def test_a_full_disk_is_counted_and_not_fatal(home, monkeypatch):
    spool, _ = home.open()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwritev", full)
    spool.take(form.TELEMETRY, 5, b"[1]")
    assert spool.statistics().unprotected == {"telemetry: no space": 1}


def test_a_damaged_spool_gives_what_is_whole_and_keeps_a_copy(home):
    spool, _ = home.open()
    spool.take(form.TELEMETRY, 5, b"[1]")
    spool.close()
    with open(home.path, "ab") as file:
        file.write(b"damage")
    spool, contents = home.open()
    assert (len(contents.taken), spool.statistics().aside) == (1, 1)
    assert "6 bytes are damaged" in home.said[0]
    assert stat.S_IMODE(os.stat(home.path + ".aside").st_mode) == 0o600


def test_what_is_written_behind_damage_is_found(home):
    spool, _ = home.open()
    spool.take(form.TELEMETRY, 5, b"[1]")
    spool.close()
    with open(home.path, "ab") as file:
        file.write(b"damage that is longer than a record" * 10)
    spool, _ = home.open()
    spool.take(form.TELEMETRY, 6, b"[2]")
    spool.close()
    assert [taken.data for taken in home.open()[1].taken] == [b"[1]", b"[2]"]


def test_a_third_process_finds_what_the_second_did_not_resolve(home):
    spool, _ = home.open()
    spool.seal([Payload(1, URL, LOGS), Payload(2, URL, LOGS)])
    spool.close()
    spool, _ = home.open()
    spool.resolve(1)
    spool.seal([Payload(3, URL, LOGS)])
    spool.close()
    assert [kept.number for kept in home.open()[1].kept] == [2, 3]


def test_another_functions_spool_is_set_aside(home):
    spool, _ = home.open("other")
    spool.take(form.TELEMETRY, 5, b"[1]")
    spool.close()
    spool, contents = home.open("f")
    assert (contents.taken, spool.statistics().aside) == ([], 1)


def test_a_second_process_goes_without(home):
    first, _ = home.open()
    second, contents = home.open()
    second.take(form.TELEMETRY, 5, b"[1]")
    assert contents.taken == []
    assert second.statistics().unprotected == {"telemetry: no spool": 1}
    assert "in use" in home.said[0]
    first.take(form.TELEMETRY, 5, b"[2]")
    assert form.read(home.data()).taken == [form.Taken(form.TELEMETRY, 5, b"[2]")]


@pytest.mark.parametrize("trap", ["symlink", "hard link", "folder", "fifo"])
def test_what_is_no_plain_file_is_left_alone(home, tmp_path, trap):
    if trap == "symlink":
        (tmp_path / "victim").write_text("precious")
        os.symlink(tmp_path / "victim", home.path)
    elif trap == "hard link":
        (tmp_path / "victim").write_text("precious")
        os.link(tmp_path / "victim", home.path)
    elif trap == "folder":
        os.mkdir(home.path)
    else:
        os.mkfifo(home.path)
    spool, _ = home.open()
    spool.take(form.TELEMETRY, 5, b"[1]")
    assert home.said
    if trap.endswith("link"):
        assert (tmp_path / "victim").read_text() == "precious"
