"""Where a sandbox lives: network and mount namespaces of its own, or the host's under a lock when that is not permitted.

A small holder process (`namespace_holder.py`) enters the namespaces and hands descriptors out; sandbox processes join them between
fork and exec (`Isolation.enter`) and so stay children of the emulator. Nothing of it outlives the holder's end of the socket.
"""

import array
import ctypes
import fcntl
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from emulator.values import SandboxError

RUNTIME_API_PORT = 9001
TMP_MB = 512
LOCK_WAIT_S = 60.0
_PR_SET_PDEATHSIG = 1
_HOLDER = Path(__file__).with_name("namespace_holder.py")
_libc = ctypes.CDLL(None, use_errno=True)


class Refusal(Exception):
    """The holder could not do what it was asked for."""


@attrs.define
class Isolation:
    """A place for processes. `kind`: `namespaces`, `network` (no mounts of its own) or `host`."""

    kind: str
    notes: list[str]
    channel: trio.socket.SocketType | None = None
    namespaces: tuple[int, ...] = ()
    has_task: bool = False
    _turn: trio.Lock = attrs.field(factory=trio.Lock)

    async def listen(self, port: int) -> trio.SocketListener:
        """Listen on 127.0.0.1 inside. Raises SandboxError when the port is taken."""
        try:
            if self.channel is not None:
                inside = await self._ask({"op": "listen", "port": port})
            else:
                inside = trio.socket.from_stdlib_socket(_listen(port))
        except (OSError, Refusal) as error:
            raise SandboxError(f"cannot listen on 127.0.0.1:{port} for the sandbox: {error}") from error
        return trio.SocketListener(inside)

    async def connect(self, port: int) -> trio.SocketStream:
        """Connect to 127.0.0.1 inside. Raises OSError."""
        inside = await self._ask({"op": "socket"}) if self.channel is not None else trio.socket.socket()
        try:
            await inside.connect(("127.0.0.1", port))
        except BaseException:
            inside.close()
            raise
        return trio.SocketStream(inside)

    def enter(self, folder: str) -> Callable[[], None]:
        """What a child does between fork and exec: die with the emulator, join the namespaces, go to `folder`."""
        namespaces = self.namespaces

        def join() -> None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            for descriptor in namespaces:
                if _libc.setns(descriptor, 0) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            os.chdir(folder)

        return join

    async def _ask(self, order: Mapping[str, Any]) -> trio.socket.SocketType:
        assert self.channel is not None
        async with self._turn:
            data: bytes = b""
            ancillary: list[tuple[int, int, bytes]] = []
            with trio.CancelScope(shield=True), trio.fail_after(5):
                await self.channel.send(json.dumps(order).encode())
                data, ancillary, _, _ = await self.channel.recvmsg(65_536, socket.CMSG_SPACE(4))
        answer = json.loads(data) if data else {"error": "the namespace holder has ended"}
        if "error" in answer:
            raise Refusal(answer["error"])
        descriptors = array.array("i")
        for _, _, payload in ancillary:
            descriptors.frombytes(payload[:4])
        return trio.socket.from_stdlib_socket(socket.socket(fileno=descriptors[0]))


def _listen(port: int) -> socket.socket:
    listener = socket.create_server(("127.0.0.1", port), backlog=128, reuse_port=False)
    listener.setblocking(False)
    return listener


def launcher_text(command: Sequence[str]) -> str:
    """A shell script that becomes the extension: what stands in /opt/extensions, where real clients look for it."""
    return f"#!/bin/sh\nexec {shlex.join(command)}\n"


def paths_to_keep(task_root: Path, commands: Sequence[Sequence[str]]) -> list[str]:
    """Whatever the sandbox's processes need that may itself lie below /tmp or /opt, where the mounts would hide it."""
    project = Path(__file__).resolve().parent.parent
    wanted = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent, project, task_root.resolve()}
    for command in commands:
        wanted |= {Path(part) for part in command if part.startswith("/") and Path(part).exists()}
    hidden = sorted(str(path) for path in wanted if path.is_relative_to("/tmp") or path.is_relative_to("/opt"))
    # A path below another that is kept comes along with it.
    return [path for path in hidden if path not in ("/tmp", "/opt") and not any(path.startswith(other + "/") for other in hidden)]


@asynccontextmanager
async def isolate(
    task_root: Path,
    launchers: Mapping[str, Sequence[str]],
    commands: Sequence[Sequence[str]],
    *,
    want: str = "namespaces",
    say: Callable[[str], None] = lambda text: None,
) -> AsyncIterator[Isolation]:
    """The best isolation that is permitted, at most `want` (namespaces, network, host). What is missing is said once, in `notes`."""
    order = {
        "task_root": _real(task_root),
        "keep": paths_to_keep(task_root, [*launchers.values(), *commands]),
        "launchers": {name: launcher_text(command) for name, command in launchers.items()},
        "tmp_mb": TMP_MB,
    }
    notes: list[str] = []
    for mount in {"namespaces": (True, False), "network": (False,), "host": ()}[want]:
        try:
            holder, channel, state = await _start_holder(order | {"mount": mount})
        except Refusal as error:
            what = "network and mount namespaces" if mount else "a network namespace"
            notes.append(f"no {what}: {error}")
            continue
        isolation = _isolation(holder.pid, channel, state, notes)
        try:
            yield isolation
        finally:
            channel.close()
            for descriptor in isolation.namespaces:
                os.close(descriptor)
            holder.kill()
            holder.wait()
        return
    with await _take_lock(Path(f"/tmp/lambda-reactor-emulator-{os.getuid()}.lock"), say):
        shared = "no private /tmp, no /opt/extensions; sandboxes of this user take turns, because the ports are the host's"
        yield Isolation("host", [*notes, shared])


def _real(path: Path) -> str:
    return os.path.realpath(path)


def _isolation(pid: int, channel: trio.socket.SocketType, state: Mapping[str, Any], notes: list[str]) -> Isolation:
    names = (["user"] if state["user"] else []) + ["net"] + (["mnt"] if state["mount"] else [])
    descriptors = tuple(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in names)
    said = [*notes, *state["notes"]]
    has_task = state["mount"] and not any(note.startswith("/var/task") for note in said)
    return Isolation("namespaces" if state["mount"] else "network", said, channel, descriptors, has_task)


def _spawn_holder(channel: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", str(_HOLDER)]
    return subprocess.Popen(command, stdin=channel, stdout=subprocess.DEVNULL, start_new_session=True)


async def _start_holder(order: Mapping[str, Any]) -> tuple[subprocess.Popen[bytes], trio.socket.SocketType, dict[str, Any]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with theirs:
            holder = _spawn_holder(theirs.fileno())
    except OSError as error:
        ours.close()
        raise Refusal(f"the namespace holder could not be started: {error}") from error
    channel = trio.socket.from_stdlib_socket(ours)
    try:
        with trio.fail_after(10):
            await channel.send(json.dumps(order).encode())
            data = await channel.recv(1 << 20)
        state: dict[str, Any] = json.loads(data) if data else {"error": "the namespace holder ended without a word"}
        if "error" in state:
            raise Refusal(state["error"])
    except BaseException as error:
        channel.close()
        holder.kill()
        holder.wait()
        if isinstance(error, trio.TooSlowError | OSError):
            raise Refusal(f"the namespace holder did not answer: {error!r}") from error
        raise
    return holder, channel, state


async def _take_lock(path: Path, say: Callable[[str], None], wait_s: float = LOCK_WAIT_S) -> Any:
    """The host-wide turn, as an open file that names its holder. Raises SandboxError with that name when the wait is over."""
    file = open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")  # noqa: SIM115, ASYNC230 (held by the caller; local)
    try:
        with trio.fail_after(wait_s):
            await _wait_for_lock(file, say)
    except trio.TooSlowError as error:
        holder = _holder_of(file)
        file.close()
        raise SandboxError(f"another sandbox uses this host's ports for over {wait_s:g} s: {holder}") from error
    except BaseException:
        file.close()
        raise
    file.seek(0)
    file.truncate()
    file.write(f"pid {os.getpid()}: {shlex.join(sys.argv)}\n")
    file.flush()
    return file


async def _wait_for_lock(file: Any, say: Callable[[str], None]) -> None:
    told = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not told:
                say(f"waiting for another sandbox on this host: {_holder_of(file)}")
                told = True
            await trio.sleep(0.1)


def _holder_of(file: Any) -> str:
    file.seek(0)
    return file.read().strip() or "unknown holder"
