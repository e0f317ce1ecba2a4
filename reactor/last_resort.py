"""When the reactor itself fails: keep asking for the next event, so that no invocation waits for us, and exit at SHUTDOWN.

It uses nothing that could be what failed: no trio, no h11, no settings, no telemetry.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reactor.stage0 import HandOver

FAILURES_MAX = 5
PAUSE_S = 0.05
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
    import http.client
    import time
    from contextlib import closing

    headers = {"Lambda-Extension-Identifier": identifier}
    failures = 0
    with closing(http.client.HTTPConnection(runtime_api)) as connection:  # no timeout: the sandbox may be frozen while it waits
        while failures < FAILURES_MAX:
            try:
                connection.request("GET", "/2020-01-01/extension/event/next", headers=headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException):
                failures += 1
                connection.close()
                continue
            if answer.status == 200 and b'"SHUTDOWN"' in body:
                return 0
            # The reactor's own call is pending still, on a connection that is closed: it takes an event with it, and then it is our turn.
            is_pending = answer.status == 403 and PENDING in body
            failures = 0 if answer.status == 200 or is_pending else failures + 1
            if answer.status != 200:
                time.sleep(PAUSE_S)
    return 1


def _answer_to_stage0(done: "HandOver") -> bytes:
    """The body of the first event, which stage 0 has asked for; empty if it does not come whole."""
    import http.client
    import socket

    with socket.socket(fileno=done.sockets.pop("platform").detach()) as waiting:
        waiting.settimeout(None)
        answer = http.client.HTTPResponse(waiting)
        try:
            answer.begin()
            return answer.read()
        except (OSError, http.client.HTTPException):
            return b""


def leave(code: int) -> None:
    """End at once: what had to be sent is sent, and tearing down an interpreter takes time that the sandbox may not have."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
