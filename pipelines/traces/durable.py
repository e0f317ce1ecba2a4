"""Which durable execution an invocation is a part of: its span tells, and log lines are to say so too. (specification, traces 5.4)"""

from typing import NamedTuple

from protocols.trace_values import Span

INVOCATION = "aws.lambda"
REQUEST_ID, EXECUTION_ID, EXECUTION_NAME = "request_id", "aws.durable.execution_id", "aws.durable.execution_name"
FIRST_INVOCATION, EXECUTION_STATUS = "aws.durable.first_invocation", "aws.durable.execution_status"


class DurableFact(NamedTuple):
    """An invocation is a part of a durable execution."""

    request_id: str
    execution_id: str
    execution_name: str
    first_invocation: bool | None
    status: str | None


def durable_fact(span: Span) -> DurableFact | None:
    """What an invocation's span tells of a durable execution, if it is a part of one."""
    if span["name"] != INVOCATION:
        return None
    meta = span["meta"]
    if EXECUTION_ID not in meta or EXECUTION_NAME not in meta or REQUEST_ID not in meta:
        return None
    first = meta.get(FIRST_INVOCATION)
    ids = (meta[REQUEST_ID], meta[EXECUTION_ID], meta[EXECUTION_NAME])
    return DurableFact(*ids, None if first is None else first == "true", meta.get(EXECUTION_STATUS))
