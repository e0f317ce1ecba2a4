"""Which runtime the function runs on, from the environments of the sandbox's processes (specification, tags 5).

It reads no file: every function takes bytes. An extension is not told its function's runtime, but may look at the processes beside it.
"""

from collections.abc import Iterable

VARIABLE = b"AWS_EXECUTION_ENV"
UNKNOWN = "unknown"


def runtime_of(environments: Iterable[bytes], os_release: bytes) -> str:
    """Such as `python3.12`: of the first process that says so, else of the operating system, else `unknown` (container images)."""
    for environ in environments:
        if runtime := runtime_of_environ(environ):
            return runtime
    return runtime_of_release(os_release)


def runtime_of_environ(environ: bytes) -> str:
    """What follows the last underscore of AWS_EXECUTION_ENV in the contents of /proc/PID/environ; "" if it is not there."""
    if VARIABLE not in environ:
        return ""
    for entry in environ.split(b"\0"):
        name, _, value = entry.partition(b"=")
        if name == VARIABLE:
            return _text(value).replace('"', "").rpartition("_")[2]
    return ""


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return ""


def runtime_of_release(os_release: bytes) -> str:
    """The operating system's own runtime, by the PRETTY_NAME of /etc/os-release: it stands where the function brought its own program."""
    for line in os_release.splitlines():
        if line.startswith(b"PRETTY_NAME="):
            name = line.removeprefix(b"PRETTY_NAME=").replace(b'"', b"")
            if name == b"Amazon Linux 2":
                return "provided.al2"
            if name.startswith(b"Amazon Linux 2023"):
                return "provided.al2023"
    return UNKNOWN
