"""KMS's Decrypt: the two calls, and the API key in an answer (specification, secrets 4).

The AWS console encrypts with the function's name as encryption context, the command line without any; which of them made a
ciphertext cannot be seen from outside, so the call without context comes first and the one with it second.
"""

from typing import Any

from protocols.api_key import Failure
from protocols.aws_base64 import text_of_base64
from protocols.aws_json import Call, body_of, text_at

SERVICE = "kms"
TARGET = "TrentService.Decrypt"


def calls(ciphertext: str, function_name: str) -> tuple[Call, ...]:
    """What to try, in this order. `ciphertext` is base64, as given by the user."""
    plain = Call(SERVICE, TARGET, body_of(CiphertextBlob=ciphertext))
    if not function_name:
        return (plain,)
    context = {"LambdaFunctionName": function_name}
    return plain, Call(SERVICE, TARGET, body_of(CiphertextBlob=ciphertext, EncryptionContext=context))


def read_key(answer: dict[str, Any]) -> str | Failure:
    encoded = text_at(answer, "Plaintext")
    if not encoded:
        return Failure("the answer holds no plaintext")
    return text_of_base64(encoded) or Failure("the plaintext is not base64 of text")
