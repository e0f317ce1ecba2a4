"""JSON inside JSON: message bodies, attribute values and stream data that are JSON texts again. Bounded, because they come from outside.

A text is parsed only if a plain search finds in it what makes it worth parsing: bodies that hold no event cost a scan.
"""

import json
from typing import Any

from pipelines.triggers.budget import Budget
from pipelines.triggers.fields import as_carrier, decode_base64, dig
from pipelines.triggers.model import Carrier

CARRIER_CHARS_MAX = 16 * 1024
"""Of one text that is a carrier and nothing else."""
MARKS = ('"TopicArn"', '"detail-type"', '"s3"')
"""One of them is in every body that wraps an event."""


def parse(source: str | bytes) -> Any:
    """The value of a JSON text; None if it is none, or nested too deeply to be read."""
    try:
        return json.loads(source)
    except (ValueError, RecursionError):
        return None


def parse_carrier(source: str | bytes) -> Carrier:
    """A carrier from a JSON text of its own; empty if that is what it is worth."""
    return as_carrier(parse(source)) if len(source) <= CARRIER_CHARS_MAX else {}


def embedded_carrier(value: Any) -> Carrier:
    """A carrier that stands in a larger value: an object, or the JSON text of one."""
    return parse_carrier(value) if type(value) is str else as_carrier(value)


def binary_carrier(value: Any) -> Carrier:
    """A carrier from the base64 of a JSON text."""
    if type(value) is not str or len(value) > CARRIER_CHARS_MAX:
        return {}
    return parse_carrier(decode_base64(value).decode("utf-8", "replace"))


def find_inner(body: str, budget: Budget) -> tuple[str, Any]:
    """The name of the source whose event a message wraps, and that event; ("", None) if it wraps none. (specification, triggers 4.3)"""
    if not (budget.search(body, MARKS) and budget.take_json(body)):
        return "", None
    value = parse(body)
    if is_sns_entity(value):
        return "sns", {"Sns": value}
    if is_eventbridge_event(value):
        return "eventbridge", value
    records = dig(value, "Records")
    if type(records) is list and records and type(dig(records[0], "s3")) is dict:
        return "s3", value
    return "", None


def is_sns_entity(value: Any) -> bool:
    """What SNS puts into a queue: the record's `Sns` without its frame. Attributes and subject may be missing."""
    return type(dig(value, "TopicArn")) is str and type(dig(value, "MessageId")) is str


def is_eventbridge_event(value: Any) -> bool:
    """Also of `aws.events`: a rule may send a schedule to a queue."""
    return type(dig(value, "detail-type")) is str and type(dig(value, "source")) is str
