"""A sandbox's lifecycle on a clock of its own: what the tests of the on-demand machine drive."""

import attrs
import pytest

from fsm import events as ev
from fsm import on_demand
from fsm.decision import Cadence, Kind, Strategy
from fsm.engine import Arm, Machine
from fsm.on_demand_actions import Bounds
from fsm.time import Now

EPOCH_MS = 1_700_000_000_000
MONO_MS = 10_000


def moment(ms):
    return Now(EPOCH_MS + ms, MONO_MS + ms)


class Life:
    """Times are milliseconds since the process began; effects come back with generations left out, which `due` keeps track of."""

    def __init__(self, kind=Kind.END, interval_ms=0, bounds=None, last_flush_ago_s=0):
        cadence = Cadence(Strategy(kind, interval_ms), 30, EPOCH_MS // 1000 - last_flush_ago_s)
        self.machine = Machine(on_demand.TABLE, on_demand.Data(cadence, bounds or Bounds()))
        self.ms = 0

    @property
    def state(self):
        return str(self.machine.state)

    @property
    def data(self):
        return self.machine.data

    def tell(self, kind, ms=None, **fields):
        """Feed an event of this kind at `ms`."""
        self.ms = self.ms if ms is None else ms
        return self.feed(kind(moment(self.ms), **fields))

    def due(self, tick, ms):
        """Let an armed timer come due."""
        self.ms = ms
        return self.feed(tick(moment(ms), self.machine.armed[tick]))

    def feed(self, event):
        return [attrs.evolve(e, generation=0) if isinstance(e, Arm) else e for e in self.machine.feed(event)]

    def armed(self):
        return {tick.__name__ for tick in self.machine.armed}

    # Short ways into the interesting states.

    def ready(self):
        self.tell(ev.Started)
        self.tell(ev.Registered)
        self.tell(ev.Subscribed)
        return self

    def blind(self):
        self.tell(ev.Started)
        self.tell(ev.Registered)
        self.tell(ev.SubscriptionRefused, reason="status 202")
        return self

    def invoke(self, request_id="a", ms=None, timeout_ms=10_000):
        self.ms = self.ms if ms is None else ms
        return self.tell(ev.Invoke, request_id=request_id, deadline_ms=EPOCH_MS + self.ms + timeout_ms)

    def done(self, request_id="a", ms=None):
        return self.tell(ev.RuntimeDone, ms, request_id=request_id, status="success")

    def report(self, request_id="a", ms=None):
        return self.tell(ev.Report, ms, request_id=request_id, status="success")

    def shutdown(self, ms=None, timeout_ms=2_000, reason="spindown"):
        self.ms = self.ms if ms is None else ms
        return self.tell(ev.Shutdown, reason=reason, deadline_ms=EPOCH_MS + self.ms + timeout_ms)

    def finish(self, request_id="a"):
        """From INVOKE.wait through the end flush."""
        self.done(request_id)
        self.tell(ev.Settled)
        return self.tell(ev.Flushed)


@pytest.fixture
def life():
    """The class: each test begins a life of its own."""
    return Life


@pytest.fixture
def at():
    """Milliseconds since the process began to the monotonic clock's."""
    return lambda ms: MONO_MS + ms


@pytest.fixture
def epoch():
    """Milliseconds since the process began to the wall clock's."""
    return lambda ms: EPOCH_MS + ms
