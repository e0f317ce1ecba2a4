"""The API key that is fetched: from the first source that gives one, again when it grows old or is refused, forgotten at a restore.

Readers wait while the state is LOADING, and only then; that state ends by `WaitOver` at the latest, so a source that hangs costs
the function that much once. The key itself never comes near this machine: whoever performs `Load` keeps it. It performs one at a
time, and tells exactly one `KeyLoaded` or `LoadFailed` of each that is not cancelled.
"""

from fsm import events as ev
from fsm import secret_actions as act
from fsm.engine import Row, States, Table, nothing


class State(States):
    """Where the key is."""

    UNLOADED = "UNLOADED"
    LOADING = "LOADING"  # readers wait
    BACKGROUND = "BACKGROUND"  # a load is under way that nobody waits for, and there is no key to use meanwhile
    LOADED = "LOADED"
    RELOADING = "RELOADING"  # readers have the key in use
    FAILED = "FAILED"


def _without_key(state: State) -> dict[tuple[State, type], tuple[Row[State, act.Data], ...]]:
    """How a load ends that began because there was no key, or none that intakes take."""
    return {
        (state, act.KeyLoaded): (Row(State.LOADED, act.use_key),),
        (state, act.LoadFailed): (
            Row(state, act.try_again, act.may_try_again),
            Row(state, act.try_next, act.has_next_source),
            # The refusal may have been the intake's mistake; a key that is gone cannot show it.
            Row(State.LOADED, act.keep_key, act.has_key),
            Row(State.FAILED, act.give_up),
        ),
        # Readers wait for the load that is under way.
        (state, act.KeyWanted): (Row(state, nothing),),
    }


TABLE: Table[State, act.Data] = Table(
    name="secret",
    initial=State.UNLOADED,
    final=frozenset(),
    rows={
        (State.UNLOADED, act.KeyWanted): (Row(State.LOADING, act.begin_and_wait),),
        (State.UNLOADED, ev.Restored): (Row(State.UNLOADED, nothing),),
        **_without_key(State.LOADING),
        (State.LOADING, act.WaitOver): (Row(State.BACKGROUND, act.tell_slow),),
        # The load begins again, the waiting does not: else a source that hangs would cost each invocation its share.
        (State.LOADING, ev.Thawed): (Row(State.LOADING, act.begin_afresh),),
        (State.LOADING, ev.Restored): (Row(State.LOADING, act.forget_and_begin),),
        **_without_key(State.BACKGROUND),
        (State.BACKGROUND, ev.Thawed): (Row(State.BACKGROUND, act.begin_afresh),),
        (State.BACKGROUND, ev.Restored): (Row(State.UNLOADED, act.cancel_and_forget),),
        (State.LOADED, act.KeyWanted): (
            Row(State.RELOADING, act.begin, act.is_due),
            Row(State.LOADED, nothing),
        ),
        (State.LOADED, act.KeyRefused): (
            Row(State.LOADING, act.replace_and_wait, act.may_replace),
            # One reload in a minute is enough to see a rotated key, and a key that is simply wrong stays wrong.
            Row(State.LOADED, nothing),
        ),
        (State.LOADED, ev.Restored): (Row(State.UNLOADED, act.forget),),
        (State.RELOADING, act.KeyWanted): (Row(State.RELOADING, nothing),),
        (State.RELOADING, act.KeyLoaded): (Row(State.LOADED, act.use_key),),
        (State.RELOADING, act.LoadFailed): (
            Row(State.RELOADING, act.try_again, act.may_try_again),
            Row(State.RELOADING, act.try_next, act.has_source_as_good),
            Row(State.LOADED, act.keep_key),
        ),
        # The key in use is no good any more: whoever wants one waits for the load that is under way.
        (State.RELOADING, act.KeyRefused): (
            Row(State.LOADING, act.wait, act.is_current),
            Row(State.RELOADING, nothing),
        ),
        (State.RELOADING, ev.Thawed): (Row(State.RELOADING, act.begin_afresh),),
        (State.RELOADING, ev.Restored): (Row(State.UNLOADED, act.cancel_and_forget),),
        (State.FAILED, act.KeyWanted): (
            # Nobody waits for a source that has failed before.
            Row(State.BACKGROUND, act.begin, act.is_due),
            Row(State.FAILED, nothing),
        ),
        (State.FAILED, ev.Restored): (Row(State.UNLOADED, act.forget),),
    },
    ignored={
        (State.UNLOADED, ev.Thawed): "no load is under way",
        (State.LOADED, ev.Thawed): "no load is under way",
        (State.FAILED, ev.Thawed): "no load is under way",
        (State.UNLOADED, act.KeyRefused): "it was the key of another life",
        (State.LOADING, act.KeyRefused): "another key is being loaded already",
        (State.BACKGROUND, act.KeyRefused): "another key is being loaded already",
        (State.FAILED, act.KeyRefused): "there is no key to replace",
    },
)
