"""From raw datagrams to cells of an aggregator, the fast way. It owns the grammar of nothing: `protocols.dogstatsd` does.

A program sends the same few metrics over and over with other values. So what stands before the value (the name) and after it (type,
rate and tags) is remembered together as a *form*: form -> (cell, rate). A line of a known form costs two cuts, a look-up, a float
and an add. Everything else - an unknown form, a timestamp, an odd number, packed values, events - goes through the plain parser,
which decides; a form is remembered only after that. Forms are forgotten, all at once, when there are more than `FORMS_MAX` or their
text exceeds `FORM_BYTES_MAX`: they are a cache and nothing is lost.
"""

from collections import Counter
from typing import Any, NamedTuple

from pipelines.metrics.aggregate import PENDING_MAX, Aggregator, Cell, bucket_of, bucket_of_sample
from protocols.dogstatsd import (
    COUNT,
    CUT_TAGS,
    GAUGE,
    OWN_METRIC,
    SET,
    LineRefused,
    Sample,
    decode,
    is_check,
    is_event,
    parse_check,
    parse_event,
    parse_line,
    parse_raw_values,
    prefixed,
)

FORMS_MAX = 8192
FORM_BYTES_MAX = 2 * 1024 * 1024
NOTICE_BYTES_MAX = 1024 * 1024  # events and service checks held until the next flush
NOTICE_OVERHEAD_BYTES = 1024  # a notice is a dict of texts: at least this much more than its line
PLAIN_DIGITS, PLAIN_DIGITS_MAX = b"0123456789.", 300
CHUNK_DATAGRAMS = 128  # read at a time: bounds the copies when datagrams are large

SHOWN_BYTES_MAX = 200  # of a line that is shown

OLD_TIMESTAMP = "timestamp_too_old"
NO_NOTICE_ROOM = "events_full"

Form = tuple[bytes, bytes]
Refusal = tuple[str, str]
"""(reason, the line as a text of at most SHOWN_BYTES_MAX bytes of it)."""
Notices = tuple[list[dict[str, Any]], list[dict[str, Any]]]


class DatagramStatistics(NamedTuple):
    """Since the start: datagrams and lines read, forms remembered now, and lines or parts of lines left out by reason."""

    datagrams: int
    lines: int
    forms: int
    refused: dict[str, int]


class DatagramReader:
    """Reads datagrams into an aggregator."""

    def __init__(self, aggregator: Aggregator, namespace: str = "") -> None:
        self._aggregator = aggregator
        self._namespace = namespace
        self._forms: dict[Form, tuple[Cell, float]] = {}
        self._form_bytes = 0
        self._datagrams = 0
        self._lines = 0
        self._refused: Counter[str] = Counter()
        self._first_refused: list[Refusal] = []
        self._events: list[dict[str, Any]] = []
        self._checks: list[dict[str, Any]] = []
        self._notice_bytes = 0

    def statistics(self) -> DatagramStatistics:
        return DatagramStatistics(self._datagrams, self._lines, len(self._forms), dict(self._refused))

    def take(self, datagrams: list[bytes], now_s: int) -> None:
        """Read raw datagrams of one moment. Never raises: what cannot be used is counted by reason."""
        self._datagrams += len(datagrams)
        for start in range(0, len(datagrams), CHUNK_DATAGRAMS):
            # A line never goes over the end of its datagram, so many of them can be cut in one go.
            self._take_lines(b"\n".join(datagrams[start : start + CHUNK_DATAGRAMS]).split(b"\n"), now_s)

    def _take_lines(self, lines: list[bytes], now_s: int) -> None:
        self._lines += len(lines) - lines.count(b"")
        bucket_s = bucket_of(now_s)
        aggregator, known_forms = self._aggregator, self._forms.get
        reserved, used = aggregator.reserve(len(lines)), 0
        for line in lines:
            name, _, rest = line.partition(b":")
            value, _, suffix = rest.partition(b"|")
            known = known_forms((name, suffix))
            if known is None:
                self._take_unknown(line, (name, suffix), now_s)
                continue
            cell, rate = known
            # Decimal digits with at most one point: what float() and the protocol's grammar read alike; short enough to be finite.
            try:
                if value.translate(None, PLAIN_DIGITS) or len(value) > PLAIN_DIGITS_MAX or cell.kind is SET:
                    raise ValueError
                number = float(value)
            except ValueError:
                self._take_odd_value(line, (name, suffix), value, now_s)
                continue
            if cell.bucket_s != bucket_s:
                reopened = aggregator.reopened(cell, bucket_s)
                if reopened is None:
                    continue
                if reopened is not cell:
                    cell = reopened
                    self._forms[(name, suffix)] = (cell, rate)
            kind = cell.kind
            if kind is COUNT:
                cell.value += number / rate
            elif kind is GAUGE:
                cell.value = number
            elif reserved and rate == 1.0:  # `Aggregator.insert` written out
                used += 1
                cell.pending.append(number)
                if len(cell.pending) >= PENDING_MAX:
                    aggregator.fold(cell)
            else:
                aggregator.insert(cell, number, rate)
        aggregator.give_back(reserved - used)

    def take_notices(self) -> Notices:
        """The events and service checks read since the last call."""
        notices = self._events, self._checks
        self._events, self._checks, self._notice_bytes = [], [], 0
        return notices

    def take_first_refused(self) -> list[Refusal]:
        """Of the lines left out since the last call, the first one for each reason that is new: what a user must see to mend it."""
        if not self._first_refused:
            return []
        first, self._first_refused = self._first_refused, []
        return first

    def _refuse(self, reason: str, line: bytes) -> None:
        """Count a line, or a part of one, that is left out."""
        self._refused[reason] += 1
        if self._refused[reason] == 1 and reason != OWN_METRIC:  # every client library sends that one: nothing is wrong with it
            self._first_refused.append((reason, line[:SHOWN_BYTES_MAX].decode("utf-8", "backslashreplace")))

    def _reopen(self, form: Form, bucket_s: int) -> Cell | None:
        """The cell of a known form in a new bucket, or after a flush. None: no room, which the aggregator has counted."""
        cell, rate = self._forms[form]
        reopened = self._aggregator.reopened(cell, bucket_s)
        if reopened is not None and reopened is not cell:
            self._forms[form] = (reopened, rate)
        return reopened

    def _take_odd_value(self, line: bytes, form: Form, value: bytes, now_s: int) -> None:
        """A line of a known form whose value is packed, signed, long, a set's member - or no value at all."""
        if not value:
            self._take_unknown(line, form, now_s)
            return
        cell, rate = self._forms[form]
        try:
            values, notes = parse_raw_values(cell.kind, decode(value))
        except LineRefused as refused:
            self._refuse(refused.reason, line)
            return
        for note in notes:
            self._refuse(note, line)
        # Only now: a context is not to be opened by a line that is refused.
        bucket_s = bucket_of(now_s)
        open_cell = cell if cell.bucket_s == bucket_s else self._reopen(form, bucket_s)
        if open_cell is not None:
            for item in values:
                self._aggregator.update(open_cell, item, rate)

    def _take_unknown(self, line: bytes, form: Form, now_s: int) -> None:
        line = line.removesuffix(b"\r")
        if not line:
            return
        try:
            if is_event(line):
                self._hold(self._events, {"date_happened": now_s, **parse_event(line)}, len(line))
            elif is_check(line):
                self._hold(self._checks, {"timestamp": now_s, **parse_check(line)}, len(line))
            else:
                self._take_sample(parse_line(line), line, form, now_s)
        except LineRefused as refused:
            self._refuse(refused.reason, line)

    def _take_sample(self, sample: Sample, line: bytes, form: Form, now_s: int) -> None:
        kind, name, tags, values, rate, timestamp_s, notes = sample
        for note in notes:
            self._refuse(note, line)
        bucket_s = bucket_of_sample(kind, timestamp_s, now_s)
        if bucket_s is None:
            self._refuse(OLD_TIMESTAMP, line)
            return
        cell = self._aggregator.cell(prefixed(name, self._namespace), tags, bucket_s, kind)
        if cell is None:
            return
        for value in values:
            self._aggregator.update(cell, value, rate)
        # A form with a time of its own is not worth remembering, and surplus tags are to be counted each time.
        if timestamp_s is None and CUT_TAGS not in notes:
            self._remember(form, cell, rate)

    def _remember(self, form: Form, cell: Cell, rate: float) -> None:
        size = len(form[0]) + len(form[1])
        if len(self._forms) >= FORMS_MAX or self._form_bytes + size > FORM_BYTES_MAX:
            self._forms.clear()
            self._form_bytes = 0
        self._forms[form] = (cell, rate)
        self._form_bytes += size

    def _hold(self, notices: list[dict[str, Any]], notice: dict[str, Any], size: int) -> None:
        size += NOTICE_OVERHEAD_BYTES
        if self._notice_bytes + size > NOTICE_BYTES_MAX:
            self._refused[NO_NOTICE_ROOM] += 1
            return
        self._notice_bytes += size
        notices.append(notice)
