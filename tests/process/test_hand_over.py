"""A hand-over record that cannot be read: the program does the launcher's work anew, says so once, and everything arrives."""

import sys
from functools import partial

import pytest

from cli.launch import ROOT
from emulator.fake_runtime import Step

pytestmark = pytest.mark.peers

# In place of the launcher: opens its ports, writes such a record, and becomes the program.
LAUNCHER = """
import os, socket, sys
sys.path.insert(0, {root!r})
places = ("0.0.0.0", 8999), ("127.0.0.1", 8124), ("127.0.0.1", 8126)
listeners = [socket.create_server(place, backlog=128) for place in places]
datagrams = socket.socket(type=socket.SOCK_DGRAM)
datagrams.bind(("0.0.0.0", 8125))
telemetry, lifecycle, trace, dogstatsd = (os.dup(each.fileno()) for each in (*listeners, datagrams))
for each in (*listeners, datagrams):
    each.close()
def part(word, key, value):
    return b"%s %s %d\\n%s\\n" % (word.encode(), key.encode(), len(str(value)), str(value).encode())
parts = [part("value", "began_epoch_ms", 1), part("value", "began_mono_ms", 1), part("socket", "telemetry", telemetry),
         part("socket", "lifecycle", lifecycle), part("socket", "trace", trace), part("socket", "dogstatsd", dogstatsd)]
end, first = b"end record 0\\n\\n", b"hand-over 1\\n"
{change}
fd = os.memfd_create("hand-over")
os.write(fd, record)
{last}
from reactor.__main__ import begin
from reactor.last_resort import leave
leave(begin(fd))
"""

BROKEN = {
    "garbage": r"record = b'\xff' * 5_000",
    "nothing": "record = b''",
    "cut short": "record = first + b''.join(parts)[:-3]",
    "without its end": "record = first + b''.join(parts)",
    "of another version": "record = b'hand-over 2\\n' + b''.join(parts) + end",
    "with a descriptor that is closed": "os.close(lifecycle); record = first + b''.join(parts) + end",
    "with a descriptor that is no socket": "record = first + part('socket', 'trace', 1) + b''.join(parts) + end",
    "with a number that is none": "record = first + part('socket', 'trace', 'x') + b''.join(parts) + end",
}


async def starts_anew(scene_of, change, last=""):
    scene = scene_of({}, timeout_ms=10_000)
    step = Step(lines=("said one",), during=scene.count)
    command = (sys.executable, "-c", LAUNCHER.format(root=str(ROOT), change=change, last=last))
    found = await scene.play([step, step], extension=command)
    ids = [result.request_id for result in found.results]
    assert found.statuses == ["success"] * 2, found.run.extension_output
    found.check_delivered({key: ["said one"] for key in ids}, dict.fromkeys(ids, 1.0))
    found.check_orderly()
    [said] = found.own("WARN")
    assert said.startswith("what the launcher did cannot be read, it is done anew: ")


async def test_its_ports_are_opened_again_and_everything_arrives(scene_of, at_once):
    await at_once(*(partial(starts_anew, scene_of, change) for change in BROKEN.values()))


async def test_a_descriptor_without_a_record_is_no_more(scene_of):
    await starts_anew(scene_of, "record = b''", "os.close(fd)")


async def test_the_whole_record_is_adopted(scene_of):
    """That the others are refused is no accident of this launcher."""
    scene = scene_of({}, timeout_ms=10_000)
    command = (sys.executable, "-c", LAUNCHER.format(root=str(ROOT), change="record = first + b''.join(parts) + end", last=""))
    found = await scene.play([Step(lines=("said one",), during=scene.count)], extension=command)
    [result] = found.results
    found.check_delivered({result.request_id: ["said one"]}, {result.request_id: 1.0})
    found.check_orderly()
    assert found.own("WARN") == []


async def test_where_the_platform_was_told_already_it_says_why_it_cannot_start(scene_of):
    """The name under which the launcher has registered is gone with the record, and the platform takes nobody twice."""
    register = "from reactor import stage0; told = stage0.run({k.encode(): v.encode() for k, v in os.environ.items()}); record = b'x'"
    command = (sys.executable, "-c", LAUNCHER.format(root=str(ROOT), change=register, last=""))
    found = await scene_of({}, timeout_ms=5_000).play([Step()], extension=command)
    assert found.statuses == ["crash"]  # at once: nobody waits for the timeout
    assert {(life.exit_code, life.killed) for life in found.lives} == {(1, False)}
    assert len(found.own("WARN")) == len(found.own("ERROR")) == len(found.lives)
    assert all(said.startswith("register answered 403: Extension.RegistrationClosed") for said in found.own("ERROR"))
