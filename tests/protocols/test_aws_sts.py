import base64
import json

import pytest

from protocols.aws_sts import proof
from protocols.sigv4 import Credentials

EPOCH_MS = 1_717_060_211_000  # 20240530T091011Z
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ORGANISATION = "11111111-2222-3333-4444-555555555555"
TOKEN = "AQoDYXdzEJrtoken"
WITH_TOKEN = (
    '{"Authorization":["AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20240530/us-east-1/sts/aws4_request, '
    "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-ddog-org-id, "
    'Signature=138749441fbbaf922fe91deef541f38e1fac1b4bfefa508b9d6f41d60aeaba0f"],'
    '"Content-Type":["application/x-www-form-urlencoded; charset=utf-8"],"Host":["sts.us-east-1.amazonaws.com"],'
    '"X-Amz-Date":["20240530T091011Z"],"X-Amz-Security-Token":["AQoDYXdzEJrtoken"],'
    '"X-Ddog-Org-Id":["11111111-2222-3333-4444-555555555555"]}'
)


def parts_of(text):
    return text.split("|")


def decoded(part):
    return base64.b64decode(part, validate=True).decode()


def test_the_proof_of_the_specification():
    body, headers, method, url = parts_of(proof(ORGANISATION, "us-east-1", Credentials("AKIDEXAMPLE", SECRET, TOKEN), EPOCH_MS))
    assert body == "QWN0aW9uPUdldENhbGxlcklkZW50aXR5JlZlcnNpb249MjAxMS0wNi0xNQ=="
    assert decoded(headers) == WITH_TOKEN
    assert method == "POST"
    assert url == "aHR0cHM6Ly9zdHMudXMtZWFzdC0xLmFtYXpvbmF3cy5jb20="


def test_without_a_session_token_none_is_signed():
    headers = json.loads(decoded(parts_of(proof(ORGANISATION, "us-east-1", Credentials("AKIDEXAMPLE", SECRET), EPOCH_MS))[1]))
    assert sorted(headers) == ["Authorization", "Content-Type", "Host", "X-Amz-Date", "X-Ddog-Org-Id"]
    [authorization] = headers["Authorization"]
    assert "SignedHeaders=content-type;host;x-amz-date;x-ddog-org-id," in authorization
    assert authorization.endswith("a0d2350ca9fe0523a01c9e0cc253afde590c1962ff4eaa26dbb915992db1fb2b")


@pytest.mark.parametrize(
    ("region", "url"),
    [("eu-west-1", "https://sts.eu-west-1.amazonaws.com"), ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn")],
)
def test_the_region_decides_on_the_url(region, url):
    parts = parts_of(proof(ORGANISATION, region, Credentials("A", "S"), EPOCH_MS))
    assert decoded(parts[3]) == url
    assert json.loads(decoded(parts[1]))["Host"] == [url.removeprefix("https://")]
