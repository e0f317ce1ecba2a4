"""Credentials from the container endpoint, which is where a sandbox restored from a snapshot gets them (specification, secrets 3)."""

from protocols.api_key import Failure
from protocols.aws_json import object_of, text_at
from protocols.sigv4 import Credentials

ANSWER_BYTES_MAX = 64 * 1024


def headers_of(token: str) -> tuple[tuple[str, str], ...]:
    return (("Authorization", token), ("Accept", "application/json"))


def read_answer(status: int, body: bytes) -> Credentials | Failure:
    """`Expiration` does not count: credentials are asked for at each use. The body of a refusal is never quoted."""
    if status != 200:
        return Failure(f"the container endpoint answered {status}", transient=status >= 500 or status == 429)
    document = object_of(body)
    if document is None:
        return Failure("the container endpoint's answer is not a JSON object")
    found = Credentials(text_at(document, "AccessKeyId"), text_at(document, "SecretAccessKey"), text_at(document, "Token"))
    if not (found.access_key_id and found.secret_access_key):
        return Failure("the container endpoint's answer holds no credentials")
    return found
