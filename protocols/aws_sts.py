"""The proof of delegated authentication: an STS GetCallerIdentity request, signed here and made by Datadog (specification, secrets 7.1).

The proof is a credential. AWS takes it for about fifteen minutes around its time, so every attempt gets a fresh one.
"""

import json

from protocols.aws_base64 import base64_of
from protocols.aws_endpoint import host_of
from protocols.sigv4 import Credentials, amz_date, authorization

SERVICE = "sts"
BODY = b"Action=GetCallerIdentity&Version=2011-06-15"
CONTENT_TYPE = "application/x-www-form-urlencoded; charset=utf-8"


def proof(organisation: str, region: str, credentials: Credentials, epoch_ms: int) -> str:
    """`base64(body)|base64(headers as JSON)|POST|base64(url)`. `organisation`: its UUID. Never with a FIPS endpoint: Datadog names none."""
    host = host_of(SERVICE, region)
    headers = [
        ("Content-Type", CONTENT_TYPE),
        ("Host", host),
        ("X-Amz-Date", amz_date(epoch_ms)),
        ("X-Ddog-Org-Id", organisation),
    ]
    if credentials.session_token:
        headers.append(("X-Amz-Security-Token", credentials.session_token))
    headers.append(("Authorization", authorization("POST", tuple(headers), BODY, credentials, region, SERVICE)))
    lists = json.dumps({name: [value] for name, value in headers}, separators=(",", ":"), sort_keys=True)
    return "|".join((base64_of(BODY), base64_of(lists.encode()), "POST", base64_of(f"https://{host}".encode())))
