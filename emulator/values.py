"""What goes into a local sandbox and what comes out of it: plain values, no behaviour beyond arithmetic."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

INIT_TYPES = ("on-demand", "provisioned-concurrency", "snap-start", "lambda-managed-instances")
ReportMode = Literal["late", "prompt"]


class SandboxError(Exception):
    """The emulator itself could not go on. The message says what it waited for, and shows the last output where there is one."""


@attrs.frozen(kw_only=True)
class FunctionConfig:
    """One function, as its owner configures it. `runtime` None means Python's own Runtime Interface Client."""

    handler: str
    task_root: Path
    runtime: tuple[str, ...] | None = None
    memory_mb: int = 128
    timeout_ms: int = 3_000
    environment: Mapping[str, str] = attrs.field(factory=dict)
    init_type: str = attrs.field(default="on-demand", validator=attrs.validators.in_(INIT_TYPES))
    name: str = "my-function"
    version: str = "$LATEST"
    region: str = "us-east-1"
    account_id: str = "123456789012"
    log_format: str = attrs.field(default="Text", validator=attrs.validators.in_(("Text", "JSON")))
    log_level: str | None = None
    runtime_version: str = "python:3.12.v21"
    execution_env: str = "AWS_Lambda_python3.12"
    max_concurrency: int = 1
    init_timeout_ms: int | None = None

    @property
    def managed(self) -> bool:
        return self.init_type == "lambda-managed-instances"

    @property
    def snap_start(self) -> bool:
        return self.init_type == "snap-start"

    @property
    def arn(self) -> str:
        """The ARN as invoked: qualified by the version unless that is `$LATEST`."""
        base = f"arn:aws:lambda:{self.region}:{self.account_id}:function:{self.name}"
        return base if self.version == "$LATEST" else f"{base}:{self.version}"

    @property
    def init_limit_ms(self) -> int:
        """How long init may last (specification, lambda-platform 6)."""
        if self.init_timeout_ms is not None:
            return self.init_timeout_ms
        if self.init_type == "on-demand":
            return 10_000
        return self.timeout_ms if self.managed else max(900_000, self.timeout_ms)


@attrs.frozen
class Invocation:
    """One call of the function. `pause_before_ms` passes before it, frozen where the sandbox freezes."""

    payload: bytes
    client_context: str | None = None
    trace_id: str | None = None
    pause_before_ms: int = 0
    tenant_id: str | None = None
    cognito_identity: str | None = None
    request_id: str | None = None  # None: the sandbox makes one


@attrs.frozen(kw_only=True)
class InvocationResult:
    """How one invocation ended. Durations are milliseconds; `init_ms` is set where this invocation paid for an init."""

    request_id: str
    status: Literal["success", "error", "timeout", "crash", "refused"]
    response: bytes | None
    error_type: str | None = None
    duration_ms: float = 0.0
    post_runtime_ms: float = 0.0
    init_ms: float | None = None
    billed_ms: int = 0
    response_ms: float | None = None  # until the runtime's answer began to arrive


@attrs.frozen(kw_only=True)
class ApiCall:
    """One exchange on a wire of the platform, or one telemetry batch: what an observer sees, in order.

    `kind`: extensions, runtime, telemetry_api, other, telemetry (platform to extension). `status` None means that no answer was given.
    """

    at_ms: float
    kind: str
    method: str
    path: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    status: int | None
    answer: bytes
    answered_ms: float


@attrs.frozen(kw_only=True)
class ProcessReport:
    """One process that lived in the sandbox. CPU includes its children that it waited for; `peak_rss_kb` is the kernel's VmHWM."""

    role: str
    name: str
    generation: int
    pid: int
    exit_code: int
    cpu_user_ms: float
    cpu_system_ms: float
    peak_rss_kb: int
    lifetime_ms: float
    killed_by_platform: bool


@attrs.frozen(kw_only=True)
class Timings:
    """Of the extension's first life, measured from the moment its process was asked for. None: it never came so far."""

    spawn_ms: float | None = None
    register_ms: float | None = None
    subscribe_ms: float | None = None
    first_next_ms: float | None = None
    init_ms: float | None = None
    shutdown_ms: float | None = None


@attrs.frozen(kw_only=True)
class SandboxRun:
    """All that a run showed. `records` are telemetry records in the order the platform made them, delivered or not."""

    results: tuple[InvocationResult, ...]
    records: tuple[dict[str, Any], ...]
    processes: tuple[ProcessReport, ...]
    extension_output: tuple[str, ...]
    function_output: tuple[str, ...]
    timings: Timings
    isolation: str
    notes: tuple[str, ...]
    steps: tuple[str, ...] = ()
    batches_delivered: int = 0
    batches_failed: int = 0

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The records of one type, in order."""
        return [record for record in self.records if record["type"] == kind]
