import pytest

from protocols.api_key import Failure
from protocols.aws_container import headers_of, read_answer
from protocols.sigv4 import Credentials

ANSWER = b'{"AccessKeyId":"ASIA","SecretAccessKey":"secret","Token":"token","Expiration":"2024-05-30T15:10:11Z"}'


def test_the_token_is_the_authorization():
    assert dict(headers_of("abc"))["Authorization"] == "abc"


def test_the_credentials_of_an_answer():
    assert read_answer(200, ANSWER) == Credentials("ASIA", "secret", "token")
    assert read_answer(200, b'{"AccessKeyId":"ASIA","SecretAccessKey":"secret"}') == Credentials("ASIA", "secret", "")


@pytest.mark.parametrize(
    ("status", "body", "reason", "transient"),
    [
        (403, ANSWER, "the container endpoint answered 403", False),
        (429, b"", "the container endpoint answered 429", True),
        (500, ANSWER, "the container endpoint answered 500", True),
        (204, b"", "the container endpoint answered 204", False),
        (200, b"secret", "the container endpoint's answer is not a JSON object", False),
        (200, b'{"AccessKeyId":"secret"}', "the container endpoint's answer holds no credentials", False),
        (200, b'{"AccessKeyId":1,"SecretAccessKey":"secret"}', "the container endpoint's answer holds no credentials", False),
    ],
)
def test_answers_without_credentials_are_never_quoted(status, body, reason, transient):
    assert read_answer(status, body) == Failure(reason, transient)
