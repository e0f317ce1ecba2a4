import pytest

from protocols.api_key import Failure
from protocols.aws_ssm import call, read_key


def test_the_call_asks_for_the_value_decrypted():
    made = call("/dd/key", "eu-west-1")
    assert (made.service, made.target, made.region) == ("ssm", "AmazonSSM.GetParameter", "eu-west-1")
    assert made.body == b'{"Name":"/dd/key","WithDecryption":true}'


def test_the_value_is_the_key():
    assert read_key({"Parameter": {"Name": "/dd/key", "Type": "SecureString", "Value": "abc123", "Version": 1}}) == "abc123"


@pytest.mark.parametrize("answer", [{}, {"Parameter": {}}, {"Parameter": "abc"}, {"Parameter": {"Value": 7}}, {"Parameter": {"Value": ""}}])
def test_an_answer_without_a_value(answer):
    assert read_key(answer) == Failure("the answer holds no parameter")
