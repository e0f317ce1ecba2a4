"""When the reactor itself fails: keep asking for the next event, so that no invocation waits for us, and exit at SHUTDOWN.

It uses nothing that could be what failed: no trio, no h11, no settings, no telemetry.
"""

import os
import sys


def keep_asking(runtime_api: str, identifier: str) -> int:
    """Ask until SHUTDOWN (0) or until the platform is gone (1). What invocations send meanwhile is not collected."""
    import http.client

    connection = http.client.HTTPConnection(runtime_api)  # no timeout: the sandbox may be frozen while it waits
    headers = {"Lambda-Extension-Identifier": identifier}
    failures = 0
    while failures < 5:
        try:
            connection.request("GET", "/2020-01-01/extension/event/next", headers=headers)
            answer = connection.getresponse()
            body = answer.read(65_536)
            failures = 0 if answer.status == 200 else failures + 1
            if answer.status == 200 and b'"SHUTDOWN"' in body:
                return 0
        except (OSError, http.client.HTTPException):
            failures += 1
            connection.close()
    return 1


def leave(code: int) -> None:
    """End at once: what had to be sent is sent, and tearing down an interpreter takes time that the sandbox may not have."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
