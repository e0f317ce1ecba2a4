"""Secrets Manager's GetSecretValue: the call, and the API key in its answer (specification, secrets 4)."""

import json
from typing import Any

from protocols.api_key import Failure
from protocols.aws_base64 import text_of_base64
from protocols.aws_json import Call, body_of, text_at

SERVICE = "secretsmanager"
TARGET = "secretsmanager.GetSecretValue"
MEMBERS = ("dd_api_key", "apiKey")  # of a secret that is a JSON object, best first


def call(identifier: str, region: str) -> Call:
    """`identifier`: the secret's ARN or name; `region`: where it is."""
    return Call(SERVICE, TARGET, body_of(SecretId=identifier), region)


def read_key(answer: dict[str, Any]) -> str | Failure:
    text = text_at(answer, "SecretString")
    if not text and "SecretBinary" in answer:
        text = text_of_base64(text_at(answer, "SecretBinary")) or ""
    return key_in(text) if text else Failure("the answer holds no secret")


def key_in(secret: str) -> str:
    """The key inside a secret's text: a known member of a JSON object, else the text itself."""
    try:
        document = json.loads(secret)
    except (ValueError, RecursionError):
        return secret
    return next((found for member in MEMBERS if (found := text_at(document, member))), secret)
