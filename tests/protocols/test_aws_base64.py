import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.aws_base64 import base64_of, text_of_base64


@given(st.text(max_size=100))
def test_there_and_back(text):
    assert text_of_base64(base64_of(text.encode())) == text


@given(st.binary(max_size=100))
def test_it_is_the_usual_alphabet_with_padding(data):
    assert base64_of(data) == base64.b64encode(data).decode()


@pytest.mark.parametrize("encoded", ["a", "YQ", "Y Q=", "_-==", "YQ==YQ==", "é", "gA=="])
def test_what_is_not_base64_of_text_is_none(encoded):
    assert text_of_base64(encoded) is None
