"""Where a sandbox lives: what is visible inside, and the turn-taking where nothing can be isolated."""

import os
import sys
from pathlib import Path

import pytest
import trio

from emulator import namespace
from emulator.namespace import isolate, launcher_text, paths_to_keep
from emulator.values import SandboxError

pytestmark = pytest.mark.peers


def exists(path):
    return os.path.exists(path)


def mounts():
    return Path("/proc/self/mountinfo").read_text()


async def inside(place, script):
    """The output of a shell script in the sandbox."""
    done = await trio.run_process(["/bin/sh", "-c", script], capture_stdout=True, preexec_fn=place.enter("/"))
    return done.stdout.decode()


@pytest.fixture
async def place(tmp_path):
    (tmp_path / "app.py").write_text("x = 1\n")
    async with isolate(tmp_path, {"datadog-agent": ("/bin/echo", "it's me")}, []) as found:
        if found.kind != "namespaces":
            pytest.skip(f"no namespaces here: {found.notes}")
        yield found


async def test_the_launcher_stands_where_clients_look_for_it_and_starts_the_extension(place):
    assert await inside(place, "/opt/extensions/datadog-agent") == "it's me\n"


async def test_tmp_is_private_and_the_task_is_read_only(place):
    name = f"/tmp/only-inside-{os.getpid()}"
    assert await inside(place, f"touch {name} && ls {name}; touch /var/task/x 2>/dev/null || echo refused; ls /var/task") == (
        f"{name}\nrefused\napp.py\n"
    )
    assert not exists(name)


async def test_what_was_in_opt_stays_visible(place):
    names = await inside(place, "ls /opt")
    assert {name for name in os.listdir("/opt") if name != "extensions"} <= set(names.split())


async def test_a_task_below_tmp_stays_where_it_is(place, tmp_path):
    assert await inside(place, f"cat {tmp_path}/app.py") == "x = 1\n"


async def test_ports_inside_are_not_the_hosts(place):
    async with await place.listen(9001) as listener, await place.connect(9001) as stream:
        accepted = await listener.accept()
        await stream.send_all(b"x")
        assert await accepted.receive_some() == b"x"
        await accepted.aclose()
        with pytest.raises(OSError, match="9001"):
            await trio.open_tcp_stream("127.0.0.1", 9001)


async def test_a_taken_port_is_said(place):
    async with await place.listen(9001):
        with pytest.raises(SandboxError, match="9001"):
            await place.listen(9001)


async def test_the_mounts_end_with_the_sandbox(tmp_path):
    before = mounts()
    async with isolate(tmp_path, {}, []):
        assert mounts() == before
    assert mounts() == before


async def test_on_the_bare_host_sandboxes_take_turns_and_the_wait_names_the_holder(tmp_path, monkeypatch):
    said = []
    lock = tmp_path / "lock"
    first = await namespace._take_lock(lock, said.append)
    with pytest.raises(SandboxError, match=f"pid {os.getpid()}"):
        await namespace._take_lock(lock, said.append, wait_s=0.15)
    assert (len(said), f"pid {os.getpid()}" in said[0]) == (1, True)
    first.close()
    second = await namespace._take_lock(lock, said.append, wait_s=0.15)
    second.close()


def test_a_launcher_quotes_its_command():
    assert launcher_text(("/bin/my prog", "a'b")) == "#!/bin/sh\nexec '/bin/my prog' 'a'\"'\"'b'\n"


def test_what_would_be_hidden_is_kept_once(tmp_path):
    kept = paths_to_keep(Path("/tmp/made-up/task"), [("/opt", "-x", sys.executable)])
    assert "/tmp/made-up/task" in kept
    assert not {"/opt", "/tmp"} & set(kept)
    assert not any(path != other and path.startswith(other + "/") for path in kept for other in kept)
