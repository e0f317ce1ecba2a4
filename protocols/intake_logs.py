"""The logs intake's wire: one log entry, and the array that a request carries. It never decides what is sent, to whom, or when.

An entry is built from parts that are escaped once, so that a line costs the escaping of its own text and one joining.
(specification, logs 4 and 9)
"""

import json
import json.encoder
from collections.abc import Sequence

PATH = "/api/v2/logs"
CONTENT_TYPE = "application/json"

ENTRY_BYTES_MAX = 1024 * 1024
BATCH_ENTRIES_MAX = 1000
BATCH_BYTES_MAX = 5 * 1024 * 1024
CUT_MARK = "...TRUNCATED..."
STATUSES = ("critical", "error", "warn", "info", "debug", "trace")

OWNERS_MAX = 64
"""Request ids whose part of an entry is kept ready."""

HEAD = '{"message":{"message":'

escape = json.encoder.encode_basestring
"""A text as a JSON string, quotes included; what is not ASCII stays as it is."""


def to_utf8(text: str) -> bytes:
    """UTF-8 of a text in which half a surrogate pair, which no UTF-8 can hold, becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


class EntryEncoder:
    """Makes the entries of one function: its ARN, service and tags are escaped here, once."""

    def __init__(self, arn: str, service: str, tags: str) -> None:
        """`tags` is the finished `key:value,key:value` text."""
        self._owner_start = f',"lambda":{{"arn":{escape(arn)},"request_id":'
        # The tags are left open at their end, for those of the line.
        self._tail_start = f'}},"hostname":{escape(arn)},"service":{escape(service)},"ddtags":{escape(tags)[:-1]}'
        self._separator = "," if tags else ""
        self._owners: dict[str | None, str] = {}
        self.tails = {status: self._tail(status, "") for status in STATUSES}
        """What stands after the timestamp, by status, for entries without tags of their own."""

    def owner(self, request_id: str | None, durable: Sequence[tuple[str, str | bool]] = ()) -> str:
        """What stands between the text and the timestamp. `durable` are the members `durable_function.<key>` that are known."""
        if not durable:
            return self._owners.get(request_id) or self._prepare_owner(request_id)
        members = "".join(f',"durable_function.{key}":{_scalar(value)}' for key, value in durable)
        return self._owner(request_id, members)

    def _prepare_owner(self, request_id: str | None) -> str:
        if len(self._owners) >= OWNERS_MAX:
            self._owners.clear()
        if request_id is not None and len(request_id) > 100:
            return self._owner(request_id, "")
        return self._owners.setdefault(request_id, self._owner(request_id, ""))

    def _owner(self, request_id: str | None, members: str) -> str:
        return f'{self._owner_start}{"null" if request_id is None else escape(request_id)}{members}}},"timestamp":'

    def _tail(self, status: str, tags: str) -> str:
        own_tags = f"{self._separator}{escape(tags)[1:-1]}" if tags else ""
        return f',"status":"{status}"{self._tail_start}{own_tags}","ddsource":"lambda"}}'

    def encode(self, text: str, owner: str, epoch_ms: int, status: str, tags: str = "") -> tuple[bytes, bool]:
        """One entry of at most ENTRY_BYTES_MAX, and whether its text or its tags had to be cut for that."""
        tail = self._tail(status, tags) if tags or status not in self.tails else self.tails[status]
        entry = to_utf8(f"{HEAD}{escape(text)}{owner}{epoch_ms}{tail}")
        if len(entry) <= ENTRY_BYTES_MAX:
            return entry, False
        return self._encode_cut(text, owner, f"{epoch_ms}{tail}", epoch_ms, status, tags), True

    def _encode_cut(self, text: str, owner: str, rest: str, epoch_ms: int, status: str, tags: str) -> bytes:
        room = ENTRY_BYTES_MAX - len(to_utf8(f'{HEAD}""{owner}{rest}')) - len(CUT_MARK)
        if room < 0:
            # The line's own tags alone are over the limit: it goes without them, marked in its text.
            return self.encode(cut_text(text, ENTRY_BYTES_MAX // 2) + CUT_MARK, owner, epoch_ms, status)[0]
        return to_utf8(f"{HEAD}{escape(cut_text(text, room) + CUT_MARK)}{owner}{rest}")


def cut_text(text: str, escaped_bytes_max: int) -> str:
    """The longest start of a text that takes no more than so many bytes once it is escaped (quotes not counted)."""
    escaped = to_utf8(escape(text))[1:-1]
    if len(escaped) <= escaped_bytes_max:
        return text
    start = escaped[:escaped_bytes_max].decode("utf-8", "ignore")
    while True:
        # An escape that was cut in two makes the string unreadable; the longest is `\u001f`, so this ends within six steps.
        try:
            return str(json.loads(f'"{start}"'))
        except ValueError:
            start = start[:-1]


def _scalar(value: str | bool) -> str:
    return escape(value) if isinstance(value, str) else ("true" if value else "false")


def encode_array(entries: Sequence[bytes]) -> bytes:
    """The body of one request. The brackets are joined in: put around megabytes, each would copy them all once more."""
    if len(entries) < 2:
        return b"[%b]" % b"".join(entries)
    return b",".join([b"[" + entries[0], *entries[1:-1], entries[-1] + b"]"])
