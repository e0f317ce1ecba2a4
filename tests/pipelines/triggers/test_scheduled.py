import pytest

RULE = "arn:aws:events:us-east-1:123456789012:rule/nightly"


def test_a_schedule_is_tagged_with_its_rule_and_has_no_span(inferred):
    found = inferred("scheduled_event")
    assert found.spans == ()
    assert found.is_async
    assert found.tags == {"function_trigger.event_source": "cloudwatch-events", "function_trigger.event_source_arn": RULE}


@pytest.mark.parametrize("resources", [None, [], [None], {}, RULE])
def test_without_resources_the_rule_is_not_known(inferred, payload, resources):
    assert inferred(payload("scheduled_event") | {"resources": resources}).tags["function_trigger.event_source_arn"] == ""
