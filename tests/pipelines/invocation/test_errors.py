from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.invocation.errors import platform_error_tags, read_error, read_text

TEXTS = ["Error message", "System.Exception", "System.Exception: Error message \n at TestFunction.Handle(ILambdaContext context)"]


@pytest.mark.parametrize("text", TEXTS)
def test_base64_is_decoded(text):
    assert read_text(b64encode(text.encode()).decode()) == text


@pytest.mark.parametrize("text", [*TEXTS, "asked to fail", "abcd", "Test", "", "a===", "YWJj\n", "*errors.errorString", "YQ"])
def test_plain_text_stays_as_it_is(text):
    assert read_text(text) == text


def test_a_header_in_utf_8_is_read_as_such():
    assert read_text("naïve ☃".encode().decode("latin-1")) == "naïve ☃"
    assert read_text("\xff") == "\xff"


@pytest.mark.parametrize("flag", ["true", "True", "TRUE", " true "])
def test_the_flag_alone_is_an_error_without_tags(flag):
    assert read_error({"x-datadog-invocation-error": flag}) == {}


@pytest.mark.parametrize("headers", [{}, {"x-datadog-invocation-error": "false"}, {"x-datadog-invocation-error": "1"}])
def test_no_error(headers):
    assert read_error(headers) is None


@pytest.mark.parametrize(("header", "tag"), [("msg", "error.msg"), ("type", "error.type"), ("stack", "error.stack")])
def test_each_exception_header_is_an_error_by_itself(header, tag):
    assert read_error({f"x-datadog-invocation-error-{header}": "boom happened"}) == {tag: "boom happened"}


def test_a_timeout_and_a_crash():
    assert platform_error_tags("timeout", "") == {"error.msg": "Datadog detected a Timeout", "error.type": "Timeout"}
    crash = platform_error_tags("failure", "Runtime.ExitError")
    assert crash["error.type"] == "Runtime.ExitError"
    assert "Runtime.ExitError" in crash["error.msg"]
    assert platform_error_tags("error", "")["error.type"]


@given(st.text(st.characters(max_codepoint=255)))
def test_any_header_is_some_text(header):
    assert type(read_text(header)) is str


@given(st.text(min_size=1))
def test_whatever_was_encoded_comes_back(text):
    assert read_text(b64encode(text.encode("utf-8", "replace")).decode()) == text.encode("utf-8", "replace").decode()
