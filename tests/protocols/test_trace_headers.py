"""A tracer's headers (specification, traces 3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.trace_headers import RATES_ANSWER, TracerHeaders, is_true, read_headers

ALL = [
    (b"Datadog-Meta-Lang", b"python"), (b"Datadog-Meta-Lang-Version", b"3.12.1"), (b"datadog-meta-lang-interpreter", b"CPython"),
    (b"DATADOG-META-LANG-INTERPRETER-VENDOR", b"psf"), (b"Datadog-Meta-Tracer-Version", b"2.9.0"), (b"Datadog-Container-ID", b"cid"),
    (b"Datadog-Client-Computed-Top-Level", b"yes"), (b"Datadog-Client-Computed-Stats", b"true"),
    (b"Datadog-Client-Dropped-P0-Traces", b"3"), (b"Datadog-Client-Dropped-P0-Spans", b"14"), (b"X-Datadog-Trace-Count", b"1"),
]  # fmt: skip
READ = TracerHeaders("python", "3.12.1", "CPython", "psf", "2.9.0", "cid", True, True, 3, 14)


def test_every_header_has_its_field():
    assert read_headers(ALL) == READ


def test_without_headers_every_field_has_its_default():
    assert read_headers([]) == TracerHeaders("", "", "", "", "", "", False, False, 0, 0)


def test_what_was_read_is_written_again():
    assert dict(READ.as_headers()) == {name.lower(): {b"yes": b"true"}.get(value, value) for name, value in ALL[:10]}


def test_nothing_is_written_for_what_is_empty():
    assert TracerHeaders(lang="go").as_headers() == ((b"datadog-meta-lang", b"go"),)


@pytest.mark.parametrize("value", ["true", "yes", "t", "1", "T", "TRUE", "True", "no", "maybe", "2"])
def test_nearly_every_word_means_yes(value):
    assert is_true(value)


@pytest.mark.parametrize("value", ["", "0", "f", "F", "false", "False", "FALSE"])
def test_a_few_words_mean_no(value):
    assert not is_true(value)


@pytest.mark.parametrize(
    ("value", "count"), [(b"7", 7), (b"", 0), (b"-1", 0), (b"1.5", 0), (b"x", 0), (b" 3", 0), (b"9" * 30, 0), (b"\xc2\xb2", 0)]
)
def test_a_count_is_a_whole_number_or_nothing(value, count):
    assert read_headers([(b"datadog-client-dropped-p0-spans", value)]).dropped_p0_spans == count


@pytest.mark.parametrize("value", [b"caf\xc3\xa9", b"\xff", b"a\x00b"])
def test_a_value_that_could_not_be_sent_on_is_no_value(value):
    assert read_headers([(b"datadog-meta-lang", value)]).lang == ""


def test_a_long_value_is_cut():
    assert read_headers([(b"datadog-container-id", b"x" * 5000)]).container_id == "x" * 1024


def test_of_a_repeated_header_the_first_counts():
    assert read_headers([(b"Datadog-Meta-Lang", b"go"), (b"datadog-meta-lang", b"java")]).lang == "go"


@given(st.lists(st.tuples(st.sampled_from([name for name, _ in ALL]), st.binary(max_size=30))))
def test_whatever_is_read_can_be_written_and_read_again(headers):
    read = read_headers(headers)
    assert read_headers(read.as_headers()) == read


def test_every_tracer_is_told_to_keep_everything():
    assert RATES_ANSWER == b'{"rate_by_service":{"service:,env:":1}}'
