"""When the reactor itself fails: keep asking for the next event, so that no invocation waits for us, and exit at SHUTDOWN.

It uses nothing that could be what failed: no trio, no h11, no settings, no telemetry; and it loads nothing, as the files of the layer may
be gone. Of stage 0 it has the words and the look at an answer.
"""

import _socket
import os
import sys
from time import sleep

from reactor import stage0

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reactor.stage0 import HandOver

FAILURES_MAX = 5
PAUSE_S = 0.05
READ_BYTES, ANSWER_BYTES_MAX = 65_536, 1 << 20
PENDING = b"InvalidExtensionState"


def take_over(done: "HandOver | None", identifier: str = "") -> int:
    """Go on where the reactor, or stage 0 alone, has got to. Returns the exit code; 1 where there was no registration to go on with."""
    identifier = identifier or (done.identifier if done else "")
    if not identifier:
        return 1
    try:
        if done is not None and done.asked and b'"SHUTDOWN"' in _answer_to_stage0(done):
            return 0
        for sock in done.sockets.values() if done else ():
            sock.close()  # whoever connects is refused at once, and does not wait for an answer
        return keep_asking(os.environ.get("AWS_LAMBDA_RUNTIME_API", ""), identifier)
    except Exception:
        return 1


def say_and_take_over(done: "HandOver | None", error: Exception) -> int:
    """The same, where not even our own log lines could be loaded."""
    text = f"the extension cannot be loaded, invocations go on without telemetry: {error!r}".replace("\\", "/").replace('"', "'")
    try:
        os.write(1, f'{{"status":"ERROR","message":"DD_EXTENSION | ERROR | {text}"}}\n'.encode("utf-8", "replace"))
    except OSError:
        pass
    return take_over(done)


def keep_asking(runtime_api: str, identifier: str) -> int:
    """Ask until SHUTDOWN (0) or until the platform is gone (1). What invocations send meanwhile is not collected."""
    failures = 0
    request = stage0.next_bytes(runtime_api, identifier)
    platform: _socket.socket | None = None
    while failures < FAILURES_MAX:
        try:
            platform = platform or _connected(runtime_api)
            platform.sendall(request)
            answer = _answer(platform)
        except (OSError, ValueError):
            answer = b""
        if platform is not None and (not answer or stage0.closes(answer)):
            platform.close()
            platform = None
        if not answer:
            failures += 1
            continue
        status = answer.partition(b" ")[2][:3]
        if status == b"200" and b'"SHUTDOWN"' in answer:
            break
        # The reactor's own call is pending still, on a connection that is closed: it takes an event with it, and then it is our turn.
        is_pending = status == b"403" and PENDING in answer
        failures = 0 if status == b"200" or is_pending else failures + 1
        if status != b"200":
            sleep(PAUSE_S)
    if platform is not None:
        platform.close()
    return 0 if failures < FAILURES_MAX else 1


def _connected(runtime_api: str) -> _socket.socket:
    """Raises OSError, ValueError."""
    host, _, port = runtime_api.rpartition(":")
    platform = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)  # no timeout: the sandbox may be frozen while it waits
    try:
        platform.connect((host, int(port)))
    except BaseException:
        platform.close()
        raise
    return platform


def _answer(platform: _socket.socket) -> bytes:
    """One whole answer. Raises OSError: closed before that, or without measure."""
    data = b""
    while not stage0.is_whole(data):
        piece = platform.recv(READ_BYTES)
        if not piece or len(data) > ANSWER_BYTES_MAX:
            raise OSError("no whole answer")
        data += piece
    return data


def _answer_to_stage0(done: "HandOver") -> bytes:
    """The first event, which stage 0 has asked for; empty if it does not come whole."""
    waiting = done.sockets.pop("platform")
    try:
        waiting.settimeout(None)
        return _answer(waiting)
    except OSError:
        return b""
    finally:
        waiting.close()


def leave(code: int) -> None:
    """End at once: what had to be sent is sent, and tearing down an interpreter takes time that the sandbox may not have."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
