"""The first milliseconds: bind, register, subscribe, and perhaps ask for the first event, before anything else is imported.

Lambda starts the function's runtime only when every extension has registered. So this module imports nothing but built-in modules, and its
requests are written out; a test derives the same bytes from the lifecycle's INIT rows. Whatever fails here is left to the reactor,
which reads the raw answers and does what is missing: stage 0 never decides and never raises.
"""

import _socket
import posix
from time import monotonic_ns, time_ns

VERSION = 1
ASK_EARLY = True  # ask for the first event before the program is loaded
UNHURRIED = (b"provisioned-concurrency", b"snap-start")  # init types that freeze at the first request: load the program before it
ANSWER_BYTES_MAX = 65_536
REGISTER_S_MAX = 10.0
SUBSCRIBE_S_MAX = 0.3
TELEMETRY_PORT, LIFECYCLE_PORT, TRACE_PORT, DOGSTATSD_PORT = 8999, 8124, 8126, 8125
BACKLOG = 128
RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024  # asked for; the kernel grants what it may
TIMED_OUT = "timed out"
LISTENERS = (
    ("telemetry", "0.0.0.0", TELEMETRY_PORT),
    ("lifecycle", "127.0.0.1", LIFECYCLE_PORT),
    ("trace", "127.0.0.1", TRACE_PORT),
)

Environment = dict[bytes, bytes]


class HandOver:
    """What stage 0 did. Sockets by role, errors by role for what failed, raw answers, nanoseconds of each step since the start."""

    def __init__(self) -> None:
        self.version = VERSION
        self.began_ms: tuple[int, int] | None = None  # when the process began: epoch and monotonic milliseconds
        self.sockets: dict[str, _socket.socket] = {}
        self.errors: dict[str, str] = {}
        self.answers: dict[str, bytes] = {}
        self.times_ns: dict[str, int] = {}
        self.identifier = ""  # as the platform gave it; empty: not registered
        self.telemetry_port = TELEMETRY_PORT
        self.asked = False  # the request for the first event is out on sockets["platform"]


def run(environment: Environment) -> HandOver:
    """Do what can be done at once."""
    done, began = HandOver(), monotonic_ns()
    done.began_ms = time_ns() // 1_000_000, began // 1_000_000
    try:
        _run(environment, done, began)
    except Exception as error:  # left to the reactor, which says what is wrong
        done.errors["stage 0"] = f"{type(error).__name__}: {error}"
    return done


def _run(environment: Environment, done: HandOver, began: int) -> None:
    host, _, port = environment.get(b"AWS_LAMBDA_RUNTIME_API", b"").decode("latin-1").rpartition(":")
    managed = environment.get(b"AWS_LAMBDA_INITIALIZATION_TYPE") == b"lambda-managed-instances"
    platform = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        platform.settimeout(REGISTER_S_MAX)
        platform.connect((host, int(port)))
        _converse(platform, f"{host}:{port}", managed, environment, done, began)
    finally:
        if not done.asked:
            platform.close()


def _converse(platform: _socket.socket, authority: str, managed: bool, environment: Environment, done: HandOver, began: int) -> None:
    platform.sendall(register_bytes(authority, managed))
    _bind_all(done)  # while the platform answers
    done.times_ns["bound"] = monotonic_ns() - began
    answer = _read_answer(platform, "register", REGISTER_S_MAX, done)
    done.times_ns["registered"] = monotonic_ns() - began
    identifier = _header(answer, b"lambda-extension-identifier")
    if not (answer.startswith(b"HTTP/1.1 200 ") and identifier):
        return
    done.identifier = identifier
    if closes(answer) or not _may_subscribe(environment, done):
        return
    platform.sendall(subscribe_bytes(authority, identifier, managed, done.telemetry_port))
    answer = _read_answer(platform, "subscribe", SUBSCRIBE_S_MAX, done)
    done.times_ns["subscribed"] = monotonic_ns() - began
    unhurried = environment.get(b"AWS_LAMBDA_INITIALIZATION_TYPE") in UNHURRIED
    if ASK_EARLY and not unhurried and answer.startswith(b"HTTP/1.1 200 ") and not closes(answer):
        platform.sendall(next_bytes(authority, identifier))
        done.asked = True
        done.times_ns["asked"] = monotonic_ns() - began
        done.sockets["platform"] = platform


def _bind_all(done: HandOver) -> None:
    for role, host, port in LISTENERS:
        try:
            done.sockets[role] = _listen(host, port)
        except OSError as error:
            done.errors[role] = str(error)
    if "telemetry" not in done.sockets:  # somebody has the port: any other will do, the platform is told which
        try:
            done.sockets["telemetry"] = _listen("0.0.0.0", 0)
            done.telemetry_port = done.sockets["telemetry"].getsockname()[1]
        except OSError as error:
            done.errors["telemetry"] = str(error)
    try:
        done.sockets["dogstatsd"] = datagrams = _bind(_socket.SOCK_DGRAM, "0.0.0.0", DOGSTATSD_PORT)
        # The function may send long before the reactor reads: what does not fit until then is lost.
        datagrams.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    except OSError as error:
        done.errors["dogstatsd"] = str(error)


def _listen(host: str, port: int) -> _socket.socket:
    listener = _bind(_socket.SOCK_STREAM, host, port)
    listener.listen(BACKLOG)
    return listener


def _bind(kind: int, host: str, port: int) -> _socket.socket:
    sock = _socket.socket(_socket.AF_INET, kind)
    try:
        if kind == _socket.SOCK_STREAM:
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def _may_subscribe(environment: Environment, done: HandOver) -> bool:
    """Which records to ask for depends on settings; where one of them is set, or a file may set it, the reactor reads it first."""
    if "telemetry" in done.errors and "telemetry" not in done.sockets:
        return False
    for name in environment:
        word = name.upper()
        if word.startswith((b"DD_", b"DATADOG_")) and word.endswith(b"LOGS_ENABLED"):
            return False
    root = environment.get(b"LAMBDA_TASK_ROOT", b"/var/task")
    try:
        posix.stat(root + b"/datadog.yaml")
    except OSError:
        return True
    return False


def register_bytes(authority: str, managed: bool) -> bytes:
    events = '["SHUTDOWN"]' if managed else '["INVOKE","SHUTDOWN"]'
    body = f'{{"events":{events}}}'
    return (
        f"POST /2020-01-01/extension/register HTTP/1.1\r\nHost: {authority}\r\nLambda-Extension-Name: datadog-agent\r\n"
        f"Lambda-Extension-Accept-Feature: accountId\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode("latin-1")


def subscribe_bytes(authority: str, identifier: str, managed: bool, port: int) -> bytes:
    schema = "2025-01-29" if managed else "2022-12-13"
    body = (
        f'{{"schemaVersion":"{schema}","destination":{{"protocol":"HTTP","URI":"http://sandbox:{port}/"}},'
        '"types":["platform","extension","function"],"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":25}}'
    )
    return (
        f"PUT /2022-07-01/telemetry HTTP/1.1\r\nHost: {authority}\r\nLambda-Extension-Identifier: {identifier}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode("latin-1")


def next_bytes(authority: str, identifier: str) -> bytes:
    return (
        f"GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: {authority}\r\nLambda-Extension-Identifier: {identifier}\r\n\r\n"
    ).encode("latin-1")


def _read_answer(platform: _socket.socket, step: str, seconds_max: float, done: HandOver) -> bytes:
    """One whole answer as raw bytes; b"" and an error if it is late, too long, or of a kind that only h11 should read."""
    data, until_ns = b"", monotonic_ns() + int(seconds_max * 1e9)
    try:
        while not is_whole(data):
            platform.settimeout(max(until_ns - monotonic_ns(), 1) / 1e9)  # of all pieces together
            piece = platform.recv(16_384)
            if not piece or len(data) > ANSWER_BYTES_MAX:
                raise OSError("closed before the answer was whole" if not piece else "the answer is too long")
            data += piece
    except TimeoutError:
        done.errors[step] = TIMED_OUT
        return b""
    except OSError as error:
        done.errors[step] = str(error) or type(error).__name__
        return b""
    done.answers[step] = data
    return data


def is_whole(data: bytes) -> bool:
    head, blank, body = data.partition(b"\r\n\r\n")
    if not blank:
        return False
    if "chunked" in _header(data, b"transfer-encoding").lower():
        return body.endswith(b"0\r\n\r\n")
    length = _header(head, b"content-length")
    return length.isdigit() and len(body) >= int(length)


def _header(data: bytes, name: bytes) -> str:
    for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        found, _, value = line.partition(b":")
        if found.strip().lower() == name:
            return value.strip().decode("latin-1")
    return ""


def closes(answer: bytes) -> bool:
    return _header(answer, b"connection").lower() == "close"
