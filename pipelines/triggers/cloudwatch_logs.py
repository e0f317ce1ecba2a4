"""CloudWatch Logs subscriptions: base64 of gzip of JSON. No span: the lines are older than any event. Unknown to the reference."""

from json import JSONDecoder

from pipelines.triggers.fields import as_text, constant, decode_base64, dig, rules
from pipelines.triggers.model import FUNCTION_TRIGGER, Record, Source, TriggerSettings
from pipelines.triggers.names import partition

HEAD_CHARS_MAX = 4 * 1024
"""Of the base64; group and owner stand before the lines."""
HEAD_BYTES_MAX = 16 * 1024
"""Of the JSON that comes out of it."""


def head_of(data: str) -> str:
    """The beginning of the JSON, "" if it is not packed as said."""
    import zlib

    try:
        packed = decode_base64(data[:HEAD_CHARS_MAX])
        return zlib.decompressobj(wbits=31).decompress(packed, HEAD_BYTES_MAX).decode("utf-8", "replace")
    except zlib.error:
        return ""


def member(head: str, name: str) -> str:
    """The text of one member of an object that may be cut off further on. The lines are not searched: they could look like members."""
    _before, mark, rest = head.partition('"logEvents"')[0].partition(f'"{name}":')
    try:
        return as_text(JSONDecoder().raw_decode(rest.lstrip())[0]) or "" if mark else ""
    except (ValueError, RecursionError):
        return ""


def group_arn(record: Record, settings: TriggerSettings) -> str:
    data = dig(record, "awslogs", "data")
    head = head_of(data) if type(data) is str else ""
    group, owner = member(head, "logGroup"), member(head, "owner")
    return f"arn:{partition(settings.region)}:logs:{settings.region}:{owner}:log-group:{group}:*" if group else ""


SOURCE = Source(
    name="cloudwatch_logs",
    title="CloudWatch Logs subscription",
    event_source="cloudwatch-logs",
    is_addition=True,
    recognised_is="`awslogs.data` is a text",
    tags=rules({FUNCTION_TRIGGER: constant("cloudwatch-logs")}),
    arn=group_arn,
    arn_is="`arn:…:logs:<region>:<owner>:log-group:<logGroup>:*`",
    is_async=True,
)
