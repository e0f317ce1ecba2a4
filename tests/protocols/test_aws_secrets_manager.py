import pytest

from protocols.api_key import Failure
from protocols.aws_secrets_manager import call, key_in, read_key


def test_the_call():
    made = call("arn:aws:secretsmanager:us-west-2:1:secret:a", "us-west-2")
    assert (made.service, made.target, made.region) == ("secretsmanager", "secretsmanager.GetSecretValue", "us-west-2")
    assert made.body == b'{"SecretId":"arn:aws:secretsmanager:us-west-2:1:secret:a"}'


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("abc123", "abc123"),
        ('{"dd_api_key":"abc123"}', "abc123"),
        ('{"apiKey":"abc123","apiKeyId":"some-uuid"}', "abc123"),
        ('{"dd_api_key":"abc123","apiKey":"def456"}', "abc123"),
        ('{"dd_api_key":"","apiKey":"def456"}', "def456"),
        ('{"dd_api_key":7,"apiKey":"def456"}', "def456"),
        ('{"other_key":"abc123"}', '{"other_key":"abc123"}'),
        ('{"dd_api_key":"abc123"', '{"dd_api_key":"abc123"'),
        ("12345678901234567890123456789012", "12345678901234567890123456789012"),
        ('["dd_api_key"]', '["dd_api_key"]'),
        ("[" * 60_000, "[" * 60_000),
    ],
)
def test_the_forms_of_a_secret(secret, key):
    assert key_in(secret) == key
    assert read_key({"ARN": "a", "SecretString": secret}) == key


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ({"SecretBinary": "YWJjMTIz"}, "abc123"),
        ({"SecretBinary": "eyJkZF9hcGlfa2V5IjoiYWJjMTIzIn0="}, "abc123"),
        ({"SecretString": "", "SecretBinary": "YWJj"}, "abc"),
    ],
)
def test_binary_secrets_are_text_in_base64(answer, key):
    assert read_key(answer) == key


@pytest.mark.parametrize(
    "answer", [{}, {"SecretString": ""}, {"SecretString": 7}, {"SecretBinary": "?"}, {"SecretBinary": "/w=="}, {"SecretBinary": None}]
)
def test_an_answer_without_a_secret(answer):
    assert read_key(answer) == Failure("the answer holds no secret")
