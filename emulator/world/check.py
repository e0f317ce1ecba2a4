"""What must always hold, asked when a run is over: nothing accepted is lost without a word, nothing comes twice without one, and nothing
ends up under another request's id.

What only an extension's memory held is lost when it is killed, and that is all that may be: what it says was delivered has arrived.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from emulator.world.accounts import Account, World
from emulator.world.arrived import Arrived, read_arrivals
from emulator.world.extension import Figures
from emulator.world.history import Violation
from emulator.world.items import LIBRARY_KINDS, Item

SHOWN_MAX = 5
CHECKPOINT_S = 0.11  # datagrams are acknowledged by nobody: so long after they were read, they outlive the process
TWICE = "delivered, perhaps twice"
NOT_TAKEN = ("telemetry record: after the end", "telemetry record: before the registration")
CALL = "call of a library"  # comes too late, or twice, or for nobody: then it is dropped, and counted
NOT_OURS = ("telemetry record: by the platform", CALL, "datagram: the kernel's", "log line: unreadable")


Found = Iterator[tuple[str, str]]
Life = tuple[Account, Arrived, Figures]


def check(world: World, accounts: Iterable[Account]) -> list[Violation]:
    """The violations of all lives, in order; of one kind the first few."""
    arrivals = world.intake.arrivals()
    lives = [_life(account, read_arrivals(arrivals[account.first_arrival : account.end_arrival])) for account in accounts]
    violations: list[Violation] = []
    for account, arrived, figures in lives:
        violations += _violations(account.number, _check_life(world, account, arrived, figures))
        if world.spool is None:
            violations += _violations(account.number, _check_alone(world, account, arrived, figures))
    if world.spool is not None:
        violations += _violations(len(lives) - 1, _check_together(world, lives))
    return violations


def _life(account: Account, arrived: Arrived) -> Life:
    assert account.figures is not None
    return account, arrived, account.figures


def _violations(life: int, found: Found) -> Iterator[Violation]:
    told: Counter[str] = Counter()
    for kind, text in found:
        told[kind] += 1
        if told[kind] <= SHOWN_MAX:
            yield Violation(kind, text, life)


def _check_life(world: World, account: Account, arrived: Arrived, figures: Figures) -> Found:
    """What holds of each life."""
    yield from (("malformed payload", problem) for problem in arrived.problems)
    yield from _check_words(figures)
    yield from _check_owners(world, account, arrived)
    yield from _check_values(world, arrived)
    yield from _check_delivered(figures, arrived)
    if account.code is not None:
        yield from _check_end(world, figures)
        if world.scenario.is_kind and account.code == 0:
            yield from _check_nothing_lost(world, figures)


def _check_alone(world: World, account: Account, arrived: Arrived, figures: Figures) -> Found:
    """What holds of a life that nothing outlives: it delivers what it accepted, or counts it, by itself."""
    yield from _check_lives(world, account, arrived)
    yield from _check_repeats(world, [(account, arrived, figures)])
    if account.code is not None:
        yield from _check_lines(world, [(account, arrived, figures)])
        yield from _check_metrics(world, [(account, arrived, figures)])
        yield from _check_spans(world, account, arrived, figures)
        yield from _check_own_spans(world, account, arrived, figures)
        yield from _check_balance(account, figures)
        yield from _check_invocations(account, arrived, figures)


def _check_together(world: World, lives: list[Life]) -> Found:
    """What holds of lives with a spool: what one accepted, even one that was killed, a later one delivers or counts."""
    yield from _check_repeats(world, lives)
    yield from _check_lines(world, lives)
    yield from _check_metrics(world, lives)


def _check_words(figures: Figures) -> Found:
    for word in figures.noted:
        if word.startswith("unexpected"):
            yield "unexpected", word
        elif word.startswith("errors in"):
            yield "pipeline failed", word


def _check_owners(world: World, account: Account, arrived: Arrived) -> Found:
    for number, owner in arrived.owners:
        item = world.items.all[number]
        # What a later process finds in the spool may lack the record that says whose a line is: then it is nobody's, never another's.
        is_orphaned = owner is None and item.life < account.number
        if owner not in item.owners and item.accepted and not is_orphaned:
            yield "wrong request id", f"{_name(item)} came as {owner}, it was read under {item.owners}"
        if item.kind == "object" and owner != item.request_id:
            yield "wrong request id", f"{_name(item)} names its own request and came as {owner}"


def _check_lives(world: World, account: Account, arrived: Arrived) -> Found:
    for number in arrived.items:
        if (item := world.items.all[number]).life != account.number:
            yield "wrong life", f"{_name(item)} came in life {account.number}"


def _check_values(world: World, arrived: Arrived) -> Found:
    for number, values in arrived.values.items():
        item = world.items.all[number]
        times = {"packed": 3, "equal": 2}.get(item.kind, 1)
        wanted = (item.value * times, times if kind_of(item) == "sketches" else 1)
        for value in values:
            if value != wanted:
                yield "wrong value", f"{_name(item)} came as {value}, not {wanted}"


def _check_repeats(world: World, lives: list[Life]) -> Found:
    """An item may come more often than it was sent only where an answer was lost, and that is counted."""
    repeated: Counter[str] = Counter()
    for number, times in _items_of(lives).items():
        item = world.items.all[number]
        repeated[kind_of(item)] += times > (item.posted if item.is_line else 1)
    killed = any(account.is_killed for account, _, _ in lives)
    for kind, count in repeated.items():
        # A payload whose answer was lost and that could not be sent again counts as dropped: it may have come all the same.
        covered = sum(figures.noted.get(f"{kind}: {TWICE}", 0) + _dropped(figures, kind) for _, _, figures in lives)
        if count > covered and (world.spool is not None or not killed):
            yield "twice, uncounted", f"{count} {kind} came more often than they were sent; counted are {covered}"
        if count and world.scenario.is_kind and world.scenario.is_steady:
            yield "twice", f"{count} {kind} came more often than they were sent, and no answer was lost"


def _check_delivered(figures: Figures, arrived: Arrived) -> Found:
    """What counts as delivered has arrived."""
    for kind in ("logs", "series", "sketches", "traces", "stats"):
        if figures.delivered.get(kind, 0) > arrived.by_kind[kind]:
            yield "not delivered", f"{figures.delivered[kind]} {kind} count as delivered, {arrived.by_kind[kind]} have arrived"


def _check_end(world: World, figures: Figures) -> Found:
    if figures.state != "EXIT":
        yield "no end", f"the process has ended while its lifecycle is in {figures.state}"
    names = ("lines_waiting", "contexts", "open_invocations", *(("payloads", "payload_bytes") if world.spool is None else ()))
    left = {name: getattr(figures, name) for name in names}
    for name, count in left.items():
        if count:
            yield "left behind", f"{count} {name} at the exit, neither delivered nor counted as dropped"


def _check_lines(world: World, lives: list[Life]) -> Found:
    arrived = _items_of(lives)
    lines = [item for account, _, _ in lives for item in world.items.of_life(account.number) if item.is_line]
    missing = [item for item in lines if arrived[item.number] < item.accepted]
    lost = sum(item.accepted - arrived[item.number] for item in missing)
    told = sum(_dropped(figures, "logs", "log line") + _starting(figures.refused, *NOT_TAKEN) for _, _, figures in lives)
    if lost > told:
        yield "lost", f"{lost} lines that were accepted have not arrived, {told} are told of: {_names(missing)}"


def _check_metrics(world: World, lives: list[Life]) -> Found:
    arrived = _items_of(lives)
    missing: list[Item] = []
    for account, _, figures in lives:
        accepted = figures.accepted.get("datagram", 0)
        taken = len(account.datagrams_taken)
        told = accepted + _starting(figures.refused, "datagram") + _starting(figures.dropped, "datagram: before")
        if account.code == 0 and taken != told:
            yield "lost", f"{taken} datagrams were read, {told} are told of"
        promised_s = account.ended_at_s - CHECKPOINT_S if account.is_killed else account.ended_at_s
        by_datagram = dict(account.datagrams_sent)
        items = [by_datagram[datagram] for at_s, datagram in account.datagrams_taken[:accepted] if at_s <= promised_s]
        missing += [item for item in items if not arrived[item.number]]
    lost_allowed = sum(_dropped(figures, "series", "sketches") + figures.samples_refused for _, _, figures in lives)
    if len(missing) > lost_allowed:
        yield "lost", f"{len(missing)} metrics that were accepted have not arrived, {lost_allowed} are told of: {_names(missing)}"


def _check_spans(world: World, account: Account, arrived: Arrived, figures: Figures) -> Found:
    """What a library sent to the port for tracers and was answered 200 has arrived, or is told of."""
    for kind, heads in (
        ("span", ("traces: ", "trace: ", "span: ", "trace request: ")),
        ("statistics", ("stats: ", "group of statistics: ")),
    ):
        missing = [
            item for item in world.items.of_life(account.number) if item.kind == kind and item.accepted and not arrived.items[item.number]
        ]
        told = _starting(figures.dropped, *heads) + _starting(figures.refused, *heads)
        if len(missing) > told:
            yield "lost", f"{len(missing)} of {kind} that were accepted have not arrived, {told} are told of: {_names(missing)}"


def _check_own_spans(world: World, account: Account, arrived: Arrived, figures: Figures) -> Found:
    """One span of each invocation that its library told of, under its own request id and with its own ids."""
    in_doubt = _dropped(figures, "traces") or figures.noted.get(f"traces: {TWICE}", 0)
    # One that is dropped as repeated has been taken before.
    untaken = _dropped(figures, CALL) - figures.dropped.get(f"{CALL}: repeated", 0)
    by_request = Counter(request_id for request_id, _ in arrived.own_spans)
    for calls in account.calls.values():
        times = by_request[calls.request_id]
        if times > 1 and not calls.is_retried and not in_doubt:
            yield "span twice", f"{times} spans of {calls.request_id}"
        is_told = calls.manner in ("named", "doubled") and calls.started and calls.ended
        if is_told and not times and not in_doubt and not untaken and not calls.is_retried:
            yield "no span", f"none of {calls.request_id}, whose start and end were told"
    named = {number: calls.request_id for number, calls in account.calls.items() if calls.manner not in ("", "unnamed")}
    for request_id, span_id in arrived.own_spans:
        if named.get(span_id, request_id) != request_id:
            yield "wrong request id", f"the span of {named[span_id]} came as {request_id}"


def _items_of(lives: list[Life]) -> Counter[int]:
    items: Counter[int] = Counter()
    for _, arrived, _ in lives:
        items.update(arrived.items)
    return items


def _check_balance(account: Account, figures: Figures) -> Found:
    """Every entry that was made is delivered or dropped; every record that came is accepted or refused."""
    ended = figures.delivered.get("logs", 0) + _dropped(figures, "logs")
    if figures.lines_taken - figures.lines_waiting != ended + _starting(figures.dropped, "log line: budget"):
        yield "no balance", f"{figures.lines_taken} entries were made, {ended} were delivered or dropped"
    told = figures.accepted.get("telemetry record", 0) + _starting(figures.refused, *NOT_TAKEN)
    if not account.records_accepted <= told <= account.records_posted + account.records_accepted + 100 * len(account.life.troubles):
        yield "no balance", f"{account.records_accepted} records were answered, {told} are accepted or refused"


def _check_invocations(account: Account, arrived: Arrived, figures: Figures) -> Found:
    """Each event that was given counts once."""
    counted = figures.noted.get("invocations", 0)
    slack = 1 if account.life.ending.kind in ("sigterm", "gone") or account.life.ending.at_ms is not None else 0
    if not account.events_given - slack <= counted <= account.events_given:
        yield "invocations", f"{account.events_given} were given, {counted} are counted"
    if not _dropped(figures, "sketches") and not figures.noted.get(f"sketches: {TWICE}", 0) and counted != arrived.invocations:
        yield "invocations", f"{counted} are counted, the metric says {arrived.invocations:g}"


def _check_nothing_lost(world: World, figures: Figures) -> Found:
    """The intake took everything, and the end was orderly. In doubt is only what was being sent when the process was stopped or killed."""
    for name, count in figures.dropped.items():
        if not name.startswith(NOT_OURS):
            yield "lost for nothing", f"{count} {name}, though the intake takes everything"
    for name in figures.noted:
        if name.endswith(TWICE) and world.scenario.is_steady:
            yield "twice", f"{name}, though no answer was lost"


# --- counting -----------------------------------------------------------------------------------------------------------------


def kind_of(item: Item) -> str:
    """The kind of payload that brings it."""
    if item.kind in LIBRARY_KINDS:
        return "traces" if item.kind == "span" else "stats"
    return "logs" if item.is_line else "sketches" if item.kind in ("distribution", "packed") else "series"


def _dropped(figures: Figures, *kinds: str) -> int:
    return _starting(figures.dropped, *(f"{kind}: " for kind in kinds))


def _starting(counts: Mapping[str, int], *heads: str) -> int:
    return sum(count for name, count in counts.items() if name.startswith(heads))


def _name(item: Item) -> str:
    return f"item {item.number} ({item.kind} of {item.request_id})"


def _names(items: list[Item]) -> str:
    more = f" and {len(items) - SHOWN_MAX} more" if len(items) > SHOWN_MAX else ""
    return ", ".join(map(_name, items[:SHOWN_MAX])) + more
