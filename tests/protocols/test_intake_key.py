import pytest

from protocols.api_key import Failure
from protocols.intake_key import headers_of, read_answer


def answer_with(key):
    return b'{"data":{"id":"1","type":"intake_key","attributes":{"api_key":%s}}}' % key


def test_the_proof_is_the_authorization():
    assert headers_of("a|b|POST|c") == (("Content-Type", "application/json"), ("Authorization", "Delegated a|b|POST|c"))


@pytest.mark.parametrize("status", [200, 201, 299])
def test_a_success_holds_the_key(status):
    assert read_answer(status, answer_with(b'"abc123"')) == "abc123"


@pytest.mark.parametrize("body", [answer_with(b'""'), answer_with(b"7"), b"{}", b'{"data":{"attributes":[]}}', b'{"data":null}'])
def test_a_success_without_a_key(body):
    assert read_answer(200, body) == Failure("received empty API key from delegated auth")


@pytest.mark.parametrize(
    ("status", "body", "reason", "transient"),
    [
        (200, b"hidden", "the answer of 6 bytes is not a JSON object", False),
        (401, b"hidden", "status 401 with 6 bytes", False),
        (403, answer_with(b'"hidden"'), "status 403 with 73 bytes", False),
        (429, b"", "status 429 with 0 bytes", True),
        (502, b"hidden", "status 502 with 6 bytes", True),
    ],
)
def test_of_other_answers_only_the_length_is_told(status, body, reason, transient):
    assert read_answer(status, body) == Failure(reason, transient)
