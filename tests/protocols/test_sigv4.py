"""Signatures against AWS's published examples, against rows computed with botocore, and against botocore itself where it is installed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.sigv4 import Credentials, amz_date, authorization, canonical_request, signing_key

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
EXAMPLE = Credentials("AKIDEXAMPLE", SECRET)
HOST_AND_DATE = (("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z"))
FORM = ("Content-Type", "application/x-www-form-urlencoded")

# AWS's own test suite for this algorithm, the cases that ask for "/" without a query: method, more headers, body, signature.
PUBLISHED = {
    "get-vanilla": ("GET", (), b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "post-vanilla": ("POST", (), b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    "post-x-www-form-urlencoded": (
        "POST",
        (FORM,),
        b"Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    "get-header-value-trim": (
        "GET",
        (("My-Header1", " value1"), ("My-Header2", ' "a   b   c"')),
        b"",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    "post-header-key-sort": ("POST", (("My-Header1", "value1"),), b"", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
    "post-header-key-case": ("POST", (), b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    "get-header-key-duplicate": (
        "GET",
        (("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")),
        b"",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
}


@pytest.mark.parametrize("case", PUBLISHED)
def test_the_published_examples_come_out(case):
    method, more, body, signature = PUBLISHED[case]
    value = authorization(method, HOST_AND_DATE + more, body, EXAMPLE, "us-east-1", "service")
    assert value.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=")
    assert value.rpartition("Signature=")[2] == signature


def test_the_published_signing_key_comes_out():
    key = signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam")
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"


def test_the_canonical_request_has_names_in_order_and_the_digest_of_the_body():
    headers = (("X-Amz-Date", "20150830T123600Z"), ("Host", "h"), ("Content-Type", "a   b"))
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert canonical_request("POST", headers, b"") == (
        f"POST\n/\n\ncontent-type:a b\nhost:h\nx-amz-date:20150830T123600Z\n\ncontent-type;host;x-amz-date\n{empty}"
    )


@pytest.mark.parametrize(
    ("epoch_ms", "text"),
    [(0, "19700101T000000Z"), (1_717_060_211_999, "20240530T091011Z"), (1_709_164_800_000, "20240229T000000Z")],
)
def test_dates_are_in_utc_and_whole_seconds(epoch_ms, text):
    assert amz_date(epoch_ms) == text


def test_credentials_are_never_shown():
    assert repr(Credentials("AKIDEXAMPLE", SECRET, "token")) == "Credentials()"


VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=30).filter(lambda text: text.strip())


@given(
    body=st.binary(max_size=200),
    region=st.sampled_from(["us-east-1", "cn-north-1", "us-gov-west-1"]),
    service=st.sampled_from(["kms", "ssm", "sts", "secretsmanager"]),
    secret=VALUES,
    token=st.none() | VALUES,
    target=VALUES,
    epoch_s=st.integers(0, 4_000_000_000),
)
def test_botocore_signs_the_same(body, region, service, secret, token, target, epoch_s):
    auth = pytest.importorskip("botocore.auth")
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as BotocoreCredentials

    host, date = f"{service}.{region}.example.com", amz_date(epoch_s * 1000)
    headers = [("Host", host), ("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Date", date), ("X-Amz-Target", target)]
    if token:
        headers.append(("X-Amz-Security-Token", token))
    request = AWSRequest("POST", f"https://{host}/", dict(headers), body)
    request.context["timestamp"] = date
    signer = auth.SigV4Auth(BotocoreCredentials("AKIDEXAMPLE", secret), service, region)
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    signer._inject_signature_to_request(request, signature)
    ours = authorization("POST", tuple(headers), body, Credentials("AKIDEXAMPLE", secret, token or ""), region, service)
    assert ours == request.headers["Authorization"]
