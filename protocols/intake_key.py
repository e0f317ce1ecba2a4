"""Delegated authentication's exchange: a proof of the function's AWS identity for a managed API key (specification, secrets 7.2)."""

from protocols.api_key import Failure
from protocols.aws_json import object_of, text_at

ANSWER_BYTES_MAX = 64 * 1024


def headers_of(proof: str) -> tuple[tuple[str, str], ...]:
    return (("Content-Type", "application/json"), ("Authorization", f"Delegated {proof}"))


def read_answer(status: int, body: bytes) -> str | Failure:
    """The key. Of a body that holds none only the length is told: it may hold one all the same, somewhere else."""
    if not 200 <= status < 300:
        return Failure(f"status {status} with {len(body)} bytes", transient=status >= 500 or status == 429)
    document = object_of(body)
    if document is None:
        return Failure(f"the answer of {len(body)} bytes is not a JSON object")
    return text_at(document, "data", "attributes", "api_key") or Failure("received empty API key from delegated auth")
