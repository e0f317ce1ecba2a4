"""`lambda-reactor triggers`: the page on event sources, or what one event tells of what invoked the function."""

import argparse
import json
import sys
from itertools import count
from typing import Any

import attrs

from pipelines.triggers.detect import SOURCES, load
from pipelines.triggers.infer import infer
from pipelines.triggers.model import Source, TriggerSettings

DESCRIPTION = """\
Without a file: print the page on event sources, docs/triggers.md.
With files: print for each event what the extension would make of it: tags, spans, carriers of trace context, span pointers.
"""
EPILOG = """\
Exit status: 0 when every event is of a known source, 1 when one is not, 2 when a file cannot be read.

Examples:
  lambda-reactor triggers                                     the page on event sources
  lambda-reactor triggers event.json --region eu-west-1       what an event tells
"""
EVENT_BYTES_MAX = 8 * 1024 * 1024

BEFORE = """\
# Triggers
What invoked the function is read from the event: which service sent it, since when it was under way, which trace it belongs to.
Libraries that make no spans of that kind themselves (Java, .NET, Go) rely on it; those of Python and Node.js never ask. This page is
printed by `lambda-reactor triggers`; with a file, that command says what would be made of an event.

## Sources
Tried from top to bottom; the first that an event is known by decides. Each is a module of `pipelines/triggers/` with its rules as data.
"""

AFTER = """\

## What becomes of an event
- **Tags** on `aws.lambda`: `function_trigger.event_source`, `function_trigger.event_source_arn`, and what the source has (`http.*`,
  `retry_count`).
- **A span** between the caller and `aws.lambda`, if the source has one. Asynchronous sources: from the sending to the start of the
  function. Synchronous ones: from the request to the end of the function. A source whose events carry no time begins with the
  invocation. `DD_TRACE_MANAGED_SERVICES=false` leaves the spans off and keeps the rest.
- **Its service** is, in this order: what `DD_SERVICE_MAPPING` says for this one (queue, topic, bucket, API id), what it says for the
  key of the table, the instance's name, or, with `DD_TRACE_AWS_SERVICE_REPRESENTATION_ENABLED=false`, that of the kind.
- **Events within events** are unwrapped up to three levels: SNS in SQS; EventBridge and S3 in either or both. Each level has its span,
  which lasts until the next begins.
- **Trace context** is looked for in the carrier, then in what can be computed (Step Functions, X-Ray header of SQS), then in
  `request.headers` and `headers` of the event, then in what an authorizer left. Names are found under any case.
- **Batches**: the first record that has a context stands for the batch, else the first record. Contexts of other records become span
  links.
- **Span pointers** link to whoever wrote the object or the item: S3 (`ObjectCreated:*`, also inside messages) and DynamoDB, for every
  record.

## One odd field costs that field
Null counts as missing, everywhere; a field of another type too. A text that is missing sets no tag. A carrier that cannot be read lets
the next place have its turn. What is too large to be looked at is left and counted; the bounds stand in [limits.md](limits.md).

## Where this differs from Datadog's extension
- It loses an event whole over one odd field (`headers: null` of a console call, S3 removals, SNS in SQS without attributes). Here
  nothing is lost.
- The ARN of S3 is the bucket's, not the text `aws:s3`. The ARN of a function URL has the right partition, and the function's account
  where the caller is anonymous.
- Wrapped spans have their true length, not 0. Three levels are unwrapped, not two; S3 inside messages as well.
- In parametrised paths the root stays `/`, and only one `s` goes: `/address/9` is `/address/{addres_id}`.
- Load balancers have `http.url`, `http.route`, `http.useragent` and `http.referer`.
- Contexts of the other records of a batch are links; span pointers of all records are kept, and belong to their own invocation alone.
- What an authorizer left is used, if it was run for this very request.
- The sources that the table marks as new are unknown to it.

Lambda@Edge runs no extensions; its shape reaches functions that get such events handed on. A rule of AWS IoT sends what its author
selects, which cannot be told from any other event: only what IoT writes itself is known. Times in RabbitMQ's events have no zone and
are not used.
"""
TITLES = ("source", "known by", "`event_source`", "ARN", "span", "waits", "mapping key", "trace context")


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "triggers",
        help="list the event sources that are known, or say what an event tells of what invoked the function",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="an event as JSON; - is standard input")
    parser.add_argument("--region", default="us-east-1", help="the function's region, default: us-east-1")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if not args.files:
        print(page(), end="")
        return 0
    return max(tell(file, TriggerSettings(region=args.region)) for file in args.files)


def tell(file: str, settings: TriggerSettings) -> int:
    """Print what one event tells; 1 if its source is unknown, 2 if it cannot be read."""
    try:
        event = json.loads(read_text(file))
    except (OSError, ValueError, RecursionError) as error:
        print(f"{file}: {error}", file=sys.stderr)
        return 2
    ids = count(1)
    found = infer(event, settings, lambda: next(ids))
    print(json.dumps({"file": file} | attrs.asdict(found), indent=2))
    return 0 if found.source else 1


def read_text(file: str) -> str:
    """Raises OSError for what cannot be read, ValueError for what is too large or no UTF-8."""
    if file == "-":
        data = sys.stdin.buffer.read(EVENT_BYTES_MAX + 1)
    else:
        with open(file, "rb") as opened:
            data = opened.read(EVENT_BYTES_MAX + 1)
    if len(data) > EVENT_BYTES_MAX:
        raise ValueError(f"larger than {EVENT_BYTES_MAX} bytes")
    return data.decode()


# --- the page ----------------------------------------------------------------------------------------------------------------------


def page() -> str:
    rows = [TITLES, ("---",) * len(TITLES), *(row(load(name)) for name, _ in SOURCES)]
    return BEFORE + "\n".join("| " + " | ".join(cells) + " |" for cells in rows) + "\n" + AFTER


def row(source: Source) -> tuple[str, ...]:
    span = source.span
    return (
        source.title + (" (new)" if source.is_addition else ""),
        source.recognised_is,
        f"`{source.event_source}`",
        source.arn_is,
        f"`{span.name}`, type `{span.type}`" if span else "none",
        waits(source.is_async) if span else "-",
        f"`{span.generic}`" if span else "none",
        source.carrier_is,
    )


def waits(is_async: Any) -> str:
    """Whether the caller waits for the answer."""
    return "as the event says" if callable(is_async) else "no" if is_async else "yes"
