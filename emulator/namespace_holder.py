"""The small process that holds a sandbox's namespaces open. Run as a script, by path, with one socket as descriptor 0.

It enters new namespaces, brings the loopback up, mounts, then answers one-line JSON orders on the socket until that ends:
`{"op": "listen", "port": 9001}` and `{"op": "socket"}` give a descriptor made inside the namespace, so that the emulator, which stays
outside, can listen and connect inside. Uses the standard library alone and imports nothing of the project.
"""

import array
import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from typing import Any

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 32, 4096, 16384, 1 << 18
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    encoded = [None if text is None else text.encode() for text in (source, target, kind)]
    check(_libc.mount(*encoded, ctypes.c_ulong(flags), None if data is None else data.encode()), f"mount {target}")


def enter(want_mount: bool) -> dict[str, Any]:
    """New namespaces: as root, else through a user namespace; without the mount namespace where only that is refused."""
    inside = CLONE_NEWNS if want_mount else 0
    uid, gid = os.getuid(), os.getgid()
    try:
        unshare(CLONE_NEWNET | inside)
        return {"user": False, "mount": want_mount}
    except OSError as error:
        if error.errno != errno.EPERM:
            raise
    unshare(CLONE_NEWUSER | CLONE_NEWNET | inside)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    return {"user": True, "mount": want_mount}


def raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack("16xh14x", fcntl.ioctl(probe, SIOCGIFFLAGS, request))
        fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def open_path(path: str, folder: int | None = None) -> int:
    return os.open(path, os.O_PATH | os.O_CLOEXEC, dir_fd=folder)


def bind(source: int, target: str, *, read_only: bool = False) -> None:
    mount(f"/proc/self/fd/{source}", target, None, MS_BIND | MS_REC)
    if read_only:
        mount("none", target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID)


def make_place(source: int, target: str) -> None:
    """Make what `source` can be bound over: a folder for a folder, an empty file for anything else."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.isdir(f"/proc/self/fd/{source}"):
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC))


def copy_entries(old: int, folder: str, skip: frozenset[str]) -> None:
    """Make each entry of the folder behind `old` visible in the new, empty `folder`: links as links, all else bound."""
    for name in os.listdir(f"/proc/self/fd/{old}"):
        target = os.path.join(folder, name)
        if name in skip:
            continue
        link = f"/proc/self/fd/{old}/{name}"
        if os.path.islink(link):
            os.symlink(os.readlink(link), target)
            continue
        entry = open_path(name, old)
        try:
            make_place(entry, target)
            bind(entry, target)
        finally:
            os.close(entry)


def cover(folder: str, options: str) -> int | None:
    """Put an empty file system over `folder`; the descriptor of what was there before, if anything was. Raises OSError."""
    if not os.path.isdir(folder):
        return None
    old = open_path(folder)
    mount("tmpfs", folder, "tmpfs", MS_NOSUID, options)
    return old


def keep_visible(paths: list[str]) -> list[tuple[int, str]]:
    """Open what must stay visible where it is, before anything is mounted over it."""
    return [(open_path(path), path) for path in paths if os.path.exists(path)]


def arrange(order: dict[str, Any]) -> list[str]:
    """Mount /tmp, /opt and /var/task as ordered; what could not be done comes back as notes, one sentence each."""
    notes: list[str] = []
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    kept = keep_visible(order["keep"])
    task = open_path(order["task_root"])
    try:
        arrange_tmp(order["tmp_mb"])
    except OSError as error:
        notes.append(f"/tmp is not private: {error}")
    try:
        arrange_opt(order["launchers"])
    except OSError as error:
        notes.append(f"/opt/extensions is not there: {error}")
    for source, path in kept:
        make_place(source, path)
        bind(source, path)
    try:
        arrange_task(task)
    except OSError as error:
        notes.append(f"/var/task is not there: {error}")
    return notes


def arrange_tmp(size_mb: int) -> None:
    if (old := cover("/tmp", f"mode=1777,size={size_mb}m")) is not None:
        os.close(old)


def arrange_opt(launchers: dict[str, str]) -> None:
    old = cover("/opt", "mode=0755,size=16m")
    if old is None:
        raise FileNotFoundError(errno.ENOENT, "there is no /opt to mount over")
    copy_entries(old, "/opt", frozenset({"extensions"}))
    os.makedirs("/opt/extensions")
    if "extensions" in os.listdir(f"/proc/self/fd/{old}"):
        inner = open_path("extensions", old)
        copy_entries(inner, "/opt/extensions", frozenset(launchers))
        os.close(inner)
    os.close(old)
    for name, text in launchers.items():
        with open(f"/opt/extensions/{name}", "w") as file:
            file.write(text)
        os.chmod(f"/opt/extensions/{name}", 0o755)


def arrange_task(task: int) -> None:
    if not os.path.isdir("/var/task"):
        old = cover("/var", "mode=0755,size=1m")
        if old is None:
            raise FileNotFoundError(errno.ENOENT, "there is no /var to mount over")
        copy_entries(old, "/var", frozenset())
        os.close(old)
        os.makedirs("/var/task")
    bind(task, "/var/task", read_only=True)


def listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def obey(order: dict[str, Any]) -> socket.socket:
    if order["op"] == "listen":
        return listen(order["port"])
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def answer(channel: socket.socket, value: dict[str, Any], given: socket.socket | None = None) -> None:
    rights = [] if given is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [given.fileno()]))]
    channel.sendmsg([json.dumps(value).encode()], rights)


def main() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the emulator decides when it ends
    channel = socket.socket(fileno=0)
    order = json.loads(channel.recv(1 << 20))
    try:
        state = enter(order["mount"])
        raise_loopback()
        state["notes"] = arrange(order) if order["mount"] else []
    except OSError as error:
        answer(channel, {"error": str(error)})
        sys.exit(1)
    answer(channel, state)
    while data := channel.recv(65_536):
        try:
            with obey(json.loads(data)) as given:
                answer(channel, {}, given)
        except OSError as error:
            answer(channel, {"error": str(error)})


if __name__ == "__main__":
    main()
