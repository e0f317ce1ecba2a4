import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import aws_kms, aws_secrets_manager, aws_ssm
from protocols.api_key import Failure
from protocols.aws_endpoint import host_of
from protocols.aws_json import REASON_CHARACTERS_MAX, headers_of, object_of, read_answer, text_at
from protocols.sigv4 import Credentials

EPOCH_MS = 1_717_060_211_000  # 20240530T091011Z
TOKEN = "AQoDYXdzEJr...<remainder of session token>"
CREDENTIALS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", TOKEN)

# Specification, secrets 5: call, region that is called, FIPS, digest of the body, signature.
VECTORS = [
    (
        aws_secrets_manager.call("arn:aws:secretsmanager:region:account-id:secret:secret-name", "us-east-1"),
        "us-east-1",
        False,
        "86c3f52254c8911e3432a3bcb94468a8664c20dcdd6c43707c40fd4f382ffc8e",
        "63d50106f9c0ab1f02c1f81d6c720b01bce369d45f63a8f6280ffe7945405b81",
    ),
    (
        aws_secrets_manager.call("arn:aws:secretsmanager:us-west-2:account-id:secret:secret-name", "us-west-2"),
        "us-west-2",
        False,
        "034e2fa1c58995a942cacbc9b552f160bc13429f165fcf7a07ac0ebc442b6e9b",
        "bd77112dd24d7a35566b29a39861f7421660c49b065964212f966db509e90813",
    ),
    (
        aws_ssm.call("arn:aws:ssm:us-east-1:account-id:parameter/my-parameter", "us-east-1"),
        "us-east-1",
        False,
        "c46974b7ddf766cd023ff0eed52fc19c5614ffc6c0cc1905edc5edf85d0cbaf2",
        "f45eebacb9f2f575cf1a235c65c97adc1c0d6ca21174044baa0c6457d4518d64",
    ),
    (
        aws_ssm.call("arn:aws:ssm:eu-west-1:account-id:parameter/my-parameter", "eu-west-1"),
        "eu-west-1",
        False,
        "e4b8627046c01ff4af7623783824c17953670f1895a30d6848913b3865e21d05",
        "4bdd2a27b632981c73a70b52ea84e92d3e26fe2c768e9cf18b96630188748b7a",
    ),
    (
        aws_kms.calls("AQICAHhEXAMPLE==", "my-function")[0],
        "us-east-1",
        False,
        "616a43bc72d499692695d736777f395eb12ae0b11fa3c16d2e6ef6f755cf836d",
        "d2e67827064620eedb5fdd68b05f7b295df93e3a9ad59f7c40007068974ad8a8",
    ),
    (
        aws_kms.calls("AQICAHhEXAMPLE==", "my-function")[1],
        "us-east-1",
        False,
        "11cb64b1d11e4bf6eb8ffeeafe0342f2cd693aabc559fc37163bc8acb32ecf78",
        "4521d7dab237e9664ccdf226e49424a040850908a16bf277fb1a60bb1ebee025",
    ),
    (
        aws_secrets_manager.call("arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:dd-key", "us-gov-west-1"),
        "us-gov-west-1",
        True,
        "cc5148fb2b51128e2a04ed03a8ef8b6cae7f5fe9902c75255514bb73215b2f96",
        "364b1336ecfefa3382a9cfd9a5dee8e7a117cbeba971ab0e3bbfabac92b59a3a",
    ),
]


@pytest.mark.parametrize(("call", "region", "is_fips", "digest", "signature"), VECTORS)
def test_the_specifications_requests_come_out(call, region, is_fips, digest, signature):
    host = host_of(call.service, region, is_fips=is_fips)
    assert hashlib.sha256(call.body).hexdigest() == digest
    assert dict(headers_of(call, host, region, CREDENTIALS, EPOCH_MS)) == {
        "Host": host,
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Date": "20240530T091011Z",
        "X-Amz-Target": call.target,
        "X-Amz-Security-Token": TOKEN,
        "Authorization": f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20240530/{region}/{call.service}/aws4_request, "
        f"SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature={signature}",
    }


def test_without_a_session_token_none_is_sent_or_signed():
    headers = dict(headers_of(VECTORS[0][0], "h", "us-east-1", Credentials("A", "S"), EPOCH_MS))
    assert "X-Amz-Security-Token" not in headers
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-target," in headers["Authorization"]


def test_a_call_does_not_show_its_body():
    assert "AQICAHhEXAMPLE" not in repr(aws_kms.calls("AQICAHhEXAMPLE==", "f"))


# --- answers ------------------------------------------------------------------------------------------------------------------


def refusal(**members):
    return json.dumps(members).encode()


@pytest.mark.parametrize(
    ("status", "body", "reason", "transient"),
    [
        (400, refusal(__type="AccessDeniedException", Message="no"), "status 400, AccessDeniedException: no", False),
        (
            400,
            refusal(__type="com.amazon.coral#ThrottlingException", message="Rate exceeded"),
            "status 400, ThrottlingException: Rate exceeded",
            True,
        ),
        (400, refusal(__type="TooManyRequestsException"), "status 400, TooManyRequestsException", True),
        (400, refusal(__type="InvalidCiphertextException"), "status 400, InvalidCiphertextException", False),
        (429, b"", "status 429, no reason given", True),
        (500, refusal(__type="InternalServiceError"), "status 500, InternalServiceError", True),
        (503, b"<html>", "status 503, no reason given", True),
        (302, b"[1]", "status 302, no reason given", False),
        (403, refusal(__type=7, Message=["x"]), "status 403, no reason given", False),
        (400, refusal(__type="A\r\nB", Message="c\x07d"), "status 400, A?: c?d", False),
    ],
)
def test_refusals_are_told_in_a_few_words(status, body, reason, transient):
    assert read_answer(status, body) == Failure(reason, transient)


def test_the_request_that_a_signature_error_quotes_is_never_told():
    quoted = f"The Canonical String for this request should have been\n'POST\n/\n\nx-amz-security-token:{TOKEN}\n"
    answer = read_answer(403, refusal(__type="InvalidSignatureException", message=f"The signature does not match.\n\n{quoted}"))
    assert answer == Failure("status 403, InvalidSignatureException: The signature does not match.")


def test_a_long_message_is_cut():
    answer = read_answer(400, refusal(__type="X", message="y" * 10_000))
    assert isinstance(answer, Failure)
    assert len(answer.reason) < REASON_CHARACTERS_MAX + 30


@pytest.mark.parametrize("body", [b"", b"abc", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b"null", b'{"a":'])
def test_a_success_without_an_object_is_a_failure_that_quotes_nothing(body):
    assert read_answer(200, body) == Failure("the answer is not a JSON object")


def test_a_success_is_its_object():
    assert read_answer(200, b'{"a":{"b":"c"}}') == {"a": {"b": "c"}}


@pytest.mark.parametrize(
    ("path", "text"), [(("a", "b"), "c"), (("a",), ""), (("a", "b", "c"), ""), (("x",), ""), (("n",), ""), (("n", "m"), "")]
)
def test_text_is_found_or_empty(path, text):
    assert text_at({"a": {"b": "c"}, "n": 1}, *path) == text


@given(st.integers(100, 599), st.binary(max_size=200))
def test_no_answer_raises(status, body):
    answer = read_answer(status, body)
    assert isinstance(answer, dict | Failure)
    assert isinstance(object_of(body), dict | None)
