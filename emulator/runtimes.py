"""How a function's runtime is started: by default the real Python Runtime Interface Client in the handler's folder."""

import sys
from collections.abc import Sequence

from emulator.values import FunctionConfig


def python_runtime(handler: str) -> tuple[str, ...]:
    """The Runtime Interface Client of the interpreter that runs the emulator."""
    return (sys.executable, "-m", "awslambdaric", handler)


def runtime_command(config: FunctionConfig) -> Sequence[str]:
    return config.runtime if config.runtime is not None else python_runtime(config.handler)


def takes_framed_logs(config: FunctionConfig) -> bool:
    """The client frames its log messages when it gets a pipe for it; its forked workers (managed instances) write plain lines."""
    return config.runtime is None and not config.managed
