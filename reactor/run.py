"""From nothing to a running process: settings, network, clock, and what to do when all of that fails."""

import gc
import os

import trio

from pipelines.tags import architecture_of
from reactor import last_resort, spool
from reactor.config.aws import read_sandbox
from reactor.config.load import load_from_disk
from reactor.net.clock import SystemClock
from reactor.net.system import SystemNetwork
from reactor.proc import SystemProbe
from reactor.process import Process
from reactor.say import Handler, Voice
from reactor.stage0 import HandOver
from reactor.supervise import innermost


def random() -> float:
    """In [0, 1), from the system: a generator of our own would repeat itself after a restore from a snapshot."""
    return int.from_bytes(os.urandom(6), "big") / (1 << 48)


def main(done: HandOver | None) -> int:
    """Run the extension to its end; returns the exit code. Never raises."""
    voice = Voice(os.environ.get("DD_LOG_LEVEL", "info").strip().lower())
    process = None
    try:
        _hear_libraries(voice)
        process = _make(voice, done)
        gc.enable()  # off while the layer loads us
        gc.freeze()  # what is loaded stays: the collector must not go through it again and again while records come in
        return trio.run(process.run)
    except Exception as error:
        voice.say("ERROR", f"the extension failed, invocations go on without telemetry: {innermost(error)!r}")
        return last_resort.take_over(done, process.platform.identifier if process else "")


def _make(voice: Voice, done: HandOver | None) -> Process:
    if done is not None:
        steps = ", ".join(f"{step} after {ns / 1e6:.1f} ms" for step, ns in done.times_ns.items())
        voice.say("DEBUG", f"stage 0: {steps or 'nothing'}; {done.errors or 'no errors'}")
        if problem := done.errors.get("hand-over"):
            voice.say("WARN", f"what the launcher did cannot be read, it is done anew: {problem}")
    settings, findings = load_from_disk(os.environ)
    sandbox = read_sandbox(os.environ)
    if voice.says("DEBUG"):
        from reactor import debug_lines

        for line in debug_lines.lines(os.environ, settings, sandbox):
            voice.say("DEBUG", line)
    for finding in findings:
        voice.say(finding.level, finding.line())
    return Process(
        settings,
        sandbox,
        architecture_of(os.uname().machine),
        SystemNetwork(),
        SystemClock(),
        voice,
        random,
        done,
        os.environ,
        spool.PATH,
        SystemProbe(),
    )


def _hear_libraries(voice: Voice) -> None:
    import logging

    root = logging.getLogger()
    root.addHandler(Handler(voice))  # type: ignore[arg-type]  # as much of one as a logger needs
    root.setLevel(logging.WARNING)
