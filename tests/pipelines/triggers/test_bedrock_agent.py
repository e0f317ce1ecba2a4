import pytest


def test_the_span_is_the_action(inferred, own_meta):
    found = inferred("bedrock_agent_event", account_id="123456789012")
    (span,) = found.spans
    assert (span["name"], span["service"], span["resource"], span["start"]) == ("aws.bedrock.agent", "claims", "GET /claims/{claimId}", 0)
    assert own_meta(span) == {
        "operation_name": "aws.bedrock.agent",
        "action_group": "ClaimManagement",
        "agent_id": "AGENTID123",
        "agent_name": "claims",
        "agent_version": "DRAFT",
        "http.method": "GET",
        "http.route": "/claims/{claimId}",
        "session_id": "123456789012345",
    }
    assert found.tags == {
        "function_trigger.event_source": "bedrock-agent",
        "function_trigger.event_source_arn": "arn:aws:bedrock:us-east-1:123456789012:agent-alias/AGENTID123/TSTALIASID",
    }
    assert found.contexts == ({"x-datadog-trace-id": "1001", "x-datadog-parent-id": "2002"},)
    assert "how is my claim" not in str(found)
    assert not found.is_async


def test_a_function_is_named_with_its_group(span_of):
    span = span_of("bedrock_agent_function_event")
    assert (span["resource"], span["meta"]["function"]) == ("weather.forecast", "forecast")


@pytest.mark.parametrize(
    ("agent", "service", "arn"),
    [
        ({"id": "A", "alias": None}, "A", "arn:aws:bedrock:us-east-1:1:agent/A"),
        ({"name": "n"}, "n", ""),
        ({}, "bedrock_agent", ""),
    ],
)
def test_an_agent_that_says_little_is_still_one(inferred, agent, service, arn):
    found = inferred({"agent": agent, "actionGroup": "g"}, account_id="1")
    assert (found.spans[0]["service"], found.spans[0]["resource"]) == (service, "g")
    assert found.tags["function_trigger.event_source_arn"] == arn
