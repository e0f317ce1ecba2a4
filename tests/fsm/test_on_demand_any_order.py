"""The lifecycle under events in any order: whatever comes, it never raises, never asks twice, never hangs, and always ends."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fsm import effects as do
from fsm import events as ev
from fsm.decision import Cadence, Kind, Strategy
from fsm.engine import Arm, Disarm, Machine, Unexpected
from fsm.on_demand import ASKED, BEFORE_SHUTDOWN, TABLE, Data, State
from fsm.time import Now

START_EPOCH_MS = 1_700_000_000_000
IDS = st.sampled_from(["a", "b", "c", ""])
STRATEGIES = st.one_of(
    st.sampled_from([Strategy(), Strategy(Kind.END)]),
    st.builds(Strategy, st.sampled_from([Kind.END_PERIODICALLY, Kind.PERIODICALLY, Kind.CONTINUOUSLY]), st.integers(1, 30_000)),
)
# What the reactor owes an answer for, and the events that are one.
ANSWERS = {do.Register: (ev.Registered, ev.RegisterFailed), do.Spool: (ev.Spooled,)}


class Sandbox(RuleBasedStateMachine):
    """The platform, the reactor and the two clocks around the real machine."""

    @initialize(strategy=STRATEGIES, since_s=st.integers(0, 10_000))
    def begin(self, strategy, since_s):
        self.epoch_ms, self.mono_ms = START_EPOCH_MS, 10_000
        self.machine = Machine(TABLE, Data(Cadence(strategy, 30, START_EPOCH_MS // 1000 - since_s)))
        self.pending = False  # a call for the next event
        self.outstanding = set()  # kinds of effects that will be answered
        self.armed = {}  # timer to (generation, moment): what the reactor keeps, from effects alone
        self.exits = []
        self.tell(ev.Started(self.now))

    @property
    def now(self):
        return Now(self.epoch_ms, self.mono_ms)

    def tell(self, event):
        effects = self.machine.feed(event)
        for effect in effects:
            self.perform(effect, event)
        return effects

    def perform(self, effect, cause):
        assert not isinstance(effect, Unexpected), f"{effect} after {cause}"
        if isinstance(effect, Arm):
            assert effect.at_mono_ms >= self.mono_ms
            self.armed[effect.tick] = (effect.generation, effect.at_mono_ms)
        elif isinstance(effect, Disarm):
            self.armed.pop(effect.tick, None)
        elif isinstance(effect, do.AskNext):
            assert not self.pending, "asked twice"
            self.pending = True
        elif isinstance(effect, do.Exit):
            self.exits.append(effect)
        elif type(effect) in ANSWERS:
            self.outstanding.add(type(effect))

    def answer_next(self, event):
        self.pending = False
        self.tell(event)

    # --- the platform -----------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.outstanding & {do.Register})
    @rule(accepted=st.booleans())
    def registration_is_answered(self, accepted):
        self.outstanding.discard(do.Register)
        if self.machine.state is not State.EXIT:
            self.tell(ev.Registered(self.now) if accepted else ev.RegisterFailed(self.now, "no"))

    @precondition(lambda self: self.machine.state not in (State.INIT_START, State.INIT_REGISTER, State.EXIT))
    @rule(accepted=st.booleans())
    def subscription_is_answered(self, accepted):
        self.tell(ev.Subscribed(self.now) if accepted else ev.SubscriptionRefused(self.now, "no"))

    @precondition(lambda self: self.pending)
    @rule(request_id=IDS, left_ms=st.one_of(st.integers(-5_000, 900_000), st.just(-START_EPOCH_MS), st.just(2**63)))
    def an_invocation_begins(self, request_id, left_ms):
        self.answer_next(ev.Invoke(self.now, request_id, self.epoch_ms + left_ms))

    @precondition(lambda self: self.pending and self.machine.state is not State.EXIT)
    @rule(left_ms=st.one_of(st.integers(-5_000, 5_000), st.just(2**63)))
    def the_sandbox_ends(self, left_ms):
        self.answer_next(ev.Shutdown(self.now, "spindown", self.epoch_ms + left_ms))

    @precondition(lambda self: self.pending and self.machine.state is not State.EXIT)
    @rule(fatal=st.booleans())
    def the_call_fails(self, fatal):
        self.answer_next(ev.NextFailed(self.now, "reset", fatal))

    @precondition(lambda self: self.machine.state is not State.EXIT)
    @rule(request_id=IDS, kind=st.sampled_from([ev.RuntimeDone, ev.Report]))
    def a_record_comes(self, request_id, kind):
        self.tell(kind(self.now, request_id, "success"))

    @precondition(lambda self: self.machine.state is not State.EXIT)
    @rule()
    def somebody_kills_it(self):
        self.tell(ev.Sigterm(self.now))

    # --- the reactor ------------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.machine.state is not State.EXIT)
    @rule(kind=st.sampled_from([ev.Settled, ev.Flushed, ev.NearlyFull, ev.Restored]))
    def the_reactor_reports(self, kind):
        self.tell(kind(self.now))

    @precondition(lambda self: self.machine.state is not State.EXIT)
    @rule(times=st.integers(1, 5))
    def a_region_crashes(self, times):
        self.tell(ev.RegionCrashed(self.now, "dogstatsd", times))

    @precondition(lambda self: self.outstanding & {do.Spool})
    @rule()
    def spooling_ends(self):
        self.outstanding.discard(do.Spool)
        if self.machine.state is not State.EXIT:
            self.tell(ev.Spooled(self.now))

    # --- time -------------------------------------------------------------------------------------------------------------------

    @rule(ms=st.integers(0, 100_000))
    def time_passes(self, ms):
        """Up to the first timer that is due."""
        due = min(self.armed.items(), key=lambda item: item[1][1], default=None)
        step = ms if due is None else min(ms, max(0, due[1][1] - self.mono_ms))
        self.epoch_ms, self.mono_ms = self.epoch_ms + step, self.mono_ms + step
        if due is not None and due[1][1] <= self.mono_ms:
            self.fire(due[0])

    @precondition(lambda self: self.armed)
    @rule(data=st.data())
    def a_stale_tick_comes(self, data):
        tick = data.draw(st.sampled_from(sorted(self.armed, key=lambda kind: kind.__name__)))
        before = (self.machine.state, self.machine.data)
        assert self.machine.feed(tick(self.now, self.armed[tick][0] - 1)) == ()
        assert (self.machine.state, self.machine.data) == before

    @precondition(lambda self: self.machine.state is not State.EXIT)
    @rule(gap_ms=st.integers(-4_000_000, 4_000_000))
    def the_wall_clock_jumps(self, gap_ms):
        self.epoch_ms = max(0, self.epoch_ms + gap_ms)
        self.tell(ev.Thawed(self.now, abs(gap_ms)))

    def fire(self, tick):
        generation, _ = self.armed.pop(tick)
        self.tell(tick(self.now, generation))

    # --- what always holds ------------------------------------------------------------------------------------------------------

    @invariant()
    def the_reactor_and_the_machine_agree_on_the_timers(self):
        if hasattr(self, "machine"):
            assert {tick: number for tick, (number, _) in self.armed.items()} == self.machine.armed

    @invariant()
    def nothing_waits_for_nothing(self):
        """Where it is not over, a timer is armed, an effect is being performed, or the platform owes an event."""
        if hasattr(self, "machine") and self.machine.state is not State.EXIT:
            assert self.armed or self.outstanding or self.pending

    @invariant()
    def the_call_is_pending_or_will_be_made_again_exactly_where_the_state_says_so(self):
        if hasattr(self, "machine"):
            state = self.machine.state
            if state in ASKED:
                assert self.pending != (ev.BackoffOver in self.armed)
            elif state in BEFORE_SHUTDOWN:
                assert not self.pending

    @invariant()
    def it_exits_once_and_only_at_the_end(self):
        if hasattr(self, "machine"):
            assert len(self.exits) == (self.machine.state is State.EXIT)

    def teardown(self):
        """From wherever it is: a signal, and then nothing but its own timers, must end it within its budget."""
        if not hasattr(self, "machine") or self.machine.state is State.EXIT:
            return
        was_ending = str(self.machine.state).startswith("SHUTDOWN")
        began_ms = self.mono_ms
        self.tell(ev.Sigterm(self.now))
        while self.machine.state is not State.EXIT:
            tick, (_, at_ms) = min(self.armed.items(), key=lambda item: item[1][1])
            self.mono_ms = max(self.mono_ms, at_ms)
            self.fire(tick)
        assert self.mono_ms - began_ms <= (2_000 if was_ending else 500)
        assert len(self.exits) == 1


Sandbox.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyOrder = Sandbox.TestCase
