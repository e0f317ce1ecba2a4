"""SSM's GetParameter: the call, and the API key in its answer (specification, secrets 4)."""

from typing import Any

from protocols.api_key import Failure
from protocols.aws_json import Call, body_of, text_at

SERVICE = "ssm"
TARGET = "AmazonSSM.GetParameter"


def call(identifier: str, region: str) -> Call:
    """`identifier`: the parameter's ARN or name; `region`: where it is. A SecureString comes decrypted."""
    return Call(SERVICE, TARGET, body_of(Name=identifier, WithDecryption=True), region)


def read_key(answer: dict[str, Any]) -> str | Failure:
    return text_at(answer, "Parameter", "Value") or Failure("the answer holds no parameter")
