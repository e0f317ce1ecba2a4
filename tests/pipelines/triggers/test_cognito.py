def test_the_span_is_the_trigger_and_says_nothing_of_the_user(inferred, own_meta):
    found = inferred("cognito_event", region="us-east-1", account_id="123456789012")
    (span,) = found.spans
    assert (span["name"], span["service"], span["resource"], span["start"]) == ("aws.cognito", "eu-west-1_Example", "PreSignUp_SignUp", 0)
    assert own_meta(span) == {
        "operation_name": "aws.cognito",
        "trigger_source": "PreSignUp_SignUp",
        "user_pool_id": "eu-west-1_Example",
        "client_id": "client1",
        "aws_region": "eu-west-1",
    }
    assert found.tags == {
        "function_trigger.event_source": "cognito",
        "function_trigger.event_source_arn": "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Example",
    }
    assert "someone" not in str((span, found.tags))
    assert found.contexts == ({"x-datadog-trace-id": "1001", "x-datadog-parent-id": "2002"},)
    assert not found.is_async


def test_a_pool_without_a_name_has_no_arn(inferred):
    found = inferred({"triggerSource": "PreSignUp_SignUp", "userPoolId": None})
    assert (found.tags["function_trigger.event_source_arn"], found.spans[0]["service"]) == ("", "cognito")
