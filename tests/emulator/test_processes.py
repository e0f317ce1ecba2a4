"""Processes of a sandbox: groups, output, freeze, measures."""

import signal
import sys
from pathlib import Path

import pytest
import trio

from emulator.processes import Command, Processes, family

pytestmark = pytest.mark.peers


FRAME = "bytes.fromhex('a55a0003') + bytes([0, 0, 0, 3]) + bytes(8) + b'a\\nb'"


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def until(condition):
    """Real processes tell nobody: look until it is so."""
    with trio.fail_after(5):
        while not condition():  # noqa: ASYNC110
            await trio.sleep(0.01)


def is_gone(pid):
    """Gone, or dead and not yet reaped by whoever adopted it."""
    command = Path(f"/proc/{pid}/cmdline")
    return not command.exists() or not command.read_bytes()


class Place:
    def __init__(self, nursery):
        self.lines, self.ended = [], []
        self.all = Processes(nursery, lambda process, line: self.lines.append(line), self.ended.append)

    def start(self, code, **more):
        command = Command(
            role="runtime", name="r", arguments=(sys.executable, "-S", "-c", code), environment={"A": "b"}, enter=lambda: None, **more
        )
        return self.all.start(command, 0)


@pytest.fixture
async def place(nursery):
    found = Place(nursery)
    yield found
    with trio.fail_after(5):
        await found.all.kill_all()


async def ended(process):
    with trio.fail_after(10):
        await process.exited.wait()


async def test_output_comes_by_line_and_the_exit_code_is_kept(place):
    process = place.start("import os,sys; print(sorted(os.environ)[0]); sys.stderr.write('no newline'); sys.exit(3)")
    await ended(process)
    assert (place.lines, process.exit_code) == ([b"A\n", b"no newline"], 3)
    assert process.report.killed_by_platform is False


async def test_framed_logs_come_through_their_own_pipe(place):
    code = f"import os; os.write(int(os.environ['_LAMBDA_TELEMETRY_LOG_FD']), {FRAME})"
    await ended(place.start(code, framed_logs=True))
    assert place.lines == [b"a\nb"]


async def test_a_frozen_process_stands_still_and_goes_on_when_thawed(place):
    process = place.start("import time\nwhile True: print(1, flush=True); time.sleep(.01)")
    await until(lambda: place.lines)
    process.freeze()
    await trio.sleep(0.05)
    count = len(place.lines)
    await trio.sleep(0.1)
    assert len(place.lines) == count
    assert state_of(process.pid) == "T"
    process.thaw()
    await until(lambda: len(place.lines) > count)


async def test_a_frozen_process_can_be_terminated_and_killed(place):
    first, second = place.start("import time; time.sleep(60)"), place.start("import time; time.sleep(60)")
    place.all.freeze()
    first.terminate()
    second.kill()
    await ended(first)
    await ended(second)
    assert (first.exit_code, second.exit_code) == (-signal.SIGTERM, -signal.SIGKILL)
    assert (first.report.killed_by_platform, second.report.killed_by_platform) == (False, True)


async def test_the_children_of_a_process_die_with_it(place):
    process = place.start(
        "import subprocess,sys; p=subprocess.Popen(['/bin/sleep','60']); print(p.pid, flush=True); sys.stdin.read(); p.wait()"
    )
    await until(lambda: place.lines)
    child = int(place.lines[0])
    assert child in family(process.pid)
    process.kill()
    await ended(process)
    await until(lambda: is_gone(child))


async def test_memory_and_cpu_are_measured(place):
    process = place.start("import time; x = bytearray(64 << 20); t = time.process_time()\nwhile time.process_time() - t < .2: pass")
    await ended(process)
    assert process.report.peak_rss_kb > 64 * 1024
    assert process.report.cpu_user_ms + process.report.cpu_system_ms >= 190


async def test_what_cannot_be_started_raises(place):
    command = Command(role="extension", name="x", arguments=("/no/such",), environment={}, enter=lambda: None)
    with pytest.raises(FileNotFoundError):
        place.all.start(command, 0)
    assert place.all.all == []
