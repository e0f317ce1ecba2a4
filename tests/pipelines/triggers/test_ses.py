import pytest


def test_the_span_is_the_mail_without_anyones_address(inferred, own_meta):
    found = inferred("ses_event", account_id="123456789012")
    (span,) = found.spans
    assert (span["name"], span["service"], span["resource"]) == ("aws.ses", "shop.example.com", "shop.example.com")
    assert span["start"] == 1565040602100000000
    assert own_meta(span) == {
        "operation_name": "aws.ses",
        "message_id": "o3vrnil0e2ic28tr",
        "recipient_domain": "shop.example.com",
        "spam_verdict": "PASS",
        "virus_verdict": "PASS",
    }
    assert found.tags == {
        "function_trigger.event_source": "ses",
        "function_trigger.event_source_arn": "arn:aws:ses:us-east-1:123456789012:identity/shop.example.com",
    }
    assert "@" not in str((span, found.tags))
    assert found.contexts[0]["x-datadog-trace-id"] == "1001"


@pytest.mark.parametrize(
    ("recipients", "destination", "domain"),
    [
        (["Shop <orders@SHOP.example.com>"], [], "shop.example.com"),
        ([], ["a@b.example"], "b.example"),
        (["no address"], None, "aws.ses"),
        (None, [7], "aws.ses"),
    ],
)
def test_the_domain_is_the_first_recipients(span_of, recipients, destination, domain):
    record = {"ses": {"mail": {"destination": destination}, "receipt": {"recipients": recipients}}}
    assert span_of({"Records": [record]})["resource"] == domain


@pytest.mark.parametrize(("kind", "is_async"), [("Event", True), ("RequestResponse", False), (None, True)])
def test_a_rule_may_wait_for_the_answer(inferred, payload, kind, is_async):
    event = payload("ses_event")
    event["Records"][0]["ses"]["receipt"]["action"]["invocationType"] = kind
    assert inferred(event).is_async is is_async


def test_the_mails_time_will_do(span_of, payload):
    event = payload("ses_event")
    event["Records"][0]["ses"]["receipt"]["timestamp"] = None
    assert span_of(event)["start"] == 1565040602028000000
