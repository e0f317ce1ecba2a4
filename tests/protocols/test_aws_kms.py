import pytest

from protocols.api_key import Failure
from protocols.aws_kms import calls, read_key


def test_first_without_and_then_with_the_functions_name_as_context():
    first, second = calls("AQIC==", "my-function")
    assert (first.service, first.target, first.region) == ("kms", "TrentService.Decrypt", "")
    assert first.body == b'{"CiphertextBlob":"AQIC=="}'
    assert (second.service, second.target) == (first.service, first.target)
    assert second.body == b'{"CiphertextBlob":"AQIC==","EncryptionContext":{"LambdaFunctionName":"my-function"}}'


def test_without_a_functions_name_there_is_no_context_to_try():
    assert len(calls("AQIC==", "")) == 1


def test_the_plaintext_is_base64_of_the_key():
    assert read_key({"KeyId": "a", "Plaintext": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}) == "0123456789abcdef" * 2


@pytest.mark.parametrize("answer", [{}, {"Plaintext": ""}, {"Plaintext": 7}])
def test_an_answer_without_plaintext(answer):
    assert read_key(answer) == Failure("the answer holds no plaintext")


@pytest.mark.parametrize("plaintext", ["%", "YQ", "/w==", "YQ==\n\n", "ü"])
def test_a_plaintext_that_is_no_text_is_not_quoted(plaintext):
    assert read_key({"Plaintext": plaintext}) == Failure("the plaintext is not base64 of text")
