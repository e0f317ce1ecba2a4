"""Mail that SES received. Addresses are people's: only the domain that the mail came to is told. Unknown to the reference."""

from pipelines.triggers.batches import upper_records
from pipelines.triggers.fields import as_text, constant, dig, rules, text, time_to_ns
from pipelines.triggers.model import FUNCTION_TRIGGER, Carrier, Record, Source, SpanRule, TriggerSettings
from pipelines.triggers.names import partition

HEADERS_MAX = 200
"""Of one mail, that are searched for a context."""


def domain(record: Record) -> str:
    """Of the first recipient, by the receipt; else by the mail."""
    for place in (("ses", "receipt", "recipients"), ("ses", "mail", "destination")):
        recipients = dig(record, *place)
        first = as_text(recipients[0]) if type(recipients) is list and recipients else None
        if first and "@" in first:
            return first.rpartition("@")[2].rstrip("> ").lower()
    return ""


def carrier(record: Record) -> Carrier:
    """The mail's headers, which a sender of ours may have given a context."""
    headers = dig(record, "ses", "mail", "headers")
    found: Carrier = {}
    for each in headers[:HEADERS_MAX] if type(headers) is list else ():
        name, value = dig(each, "name"), dig(each, "value")
        if type(name) is str and type(value) is str:
            found[name.lower()] = value
    return found


def is_async(record: Record) -> bool:
    """A receipt rule may wait for the answer, to stop the mail."""
    return text(record, "ses", "receipt", "action", "invocationType") != "RequestResponse"


def arn(record: Record, settings: TriggerSettings) -> str:
    identity = domain(record)
    return f"arn:{partition(settings.region)}:ses:{settings.region}:{settings.account_id}:identity/{identity}" if identity else ""


SOURCE = Source(
    name="ses",
    title="SES (mail received)",
    event_source="ses",
    is_addition=True,
    recognised_is="`Records[0].ses` is there",
    tags=rules({FUNCTION_TRIGGER: constant("ses")}),
    arn=arn,
    arn_is="`arn:…:ses:<region>:<account>:identity/<domain of the recipient>`",
    is_async=is_async,
    span=SpanRule(
        name="aws.ses",
        type="web",
        resource=domain,
        start_ns=lambda record: (
            time_to_ns(dig(record, "ses", "receipt", "timestamp")) or time_to_ns(dig(record, "ses", "mail", "timestamp"))
        ),
        meta=rules(
            {
                "operation_name": constant("aws.ses"),
                "message_id": "ses.mail.messageId",
                "recipient_domain": lambda record: domain(record) or None,
                "spam_verdict": "ses.receipt.spamVerdict.status",
                "virus_verdict": "ses.receipt.virusVerdict.status",
            }
        ),
        specific=domain,
        generic="lambda_ses",
        instance=domain,
        fallback="ses",
    ),
    carrier=lambda record, budget: carrier(record),
    carrier_is="`ses.mail.headers`",
    records=upper_records,
)
