"""Entries and arrays of the logs intake (specification, logs 4 and 9.1)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import intake_logs
from protocols.intake_logs import CUT_MARK, ENTRY_BYTES_MAX, EntryEncoder, cut_text, encode_array, escape, to_utf8

ARN = "arn:aws:lambda:us-east-1:123456789012:function:my-function"
TEXT = st.text(st.characters(codec=None), max_size=60)  # half surrogate pairs included


def encode(text="test", request_id="id", epoch_ms=0, status="info", tags="", durable=(), encoder=None):
    encoder = encoder or EntryEncoder(ARN, "my-service", "env:prod,region:us-east-1")
    return encoder.encode(text, encoder.owner(request_id, durable), epoch_ms, status, tags)


def test_an_entry_has_the_specified_members_in_their_order():
    entry, was_cut = encode("START RequestId: 459921b5 Version: $LATEST", "459921b5", 1666361103165)
    expected = {
        "message": {
            "message": "START RequestId: 459921b5 Version: $LATEST",
            "lambda": {"arn": ARN, "request_id": "459921b5"},
            "timestamp": 1666361103165,
            "status": "info",
        },
        "hostname": ARN,
        "service": "my-service",
        "ddtags": "env:prod,region:us-east-1",
        "ddsource": "lambda",
    }
    assert entry == json.dumps(expected, separators=(",", ":")).encode()
    assert not was_cut


def test_the_entry_of_the_size_check_is_189_bytes():
    encoder = EntryEncoder("arn", "service", "tags")
    entry, _ = encode(request_id="request_id", status="status", encoder=encoder)
    model = (
        b'{"message":{"message":"test","lambda":{"arn":"arn","request_id":"request_id"},"timestamp":0,"status":"status"},'
        b'"hostname":"hostname","service":"service","ddtags":"tags","ddsource":"source"}'
    )
    assert len(model) == 189
    assert entry.replace(b'"hostname":"arn"', b'"hostname":"hostname"').replace(b'"lambda"}', b'"source"}') == model


def test_without_an_owner_the_request_id_is_null():
    assert json.loads(encode(request_id=None)[0])["message"]["lambda"] == {"arn": ARN, "request_id": None}


@pytest.mark.parametrize(
    ("base", "own", "ddtags"), [("a:b", "c:d", "a:b,c:d"), ("a:b", "", "a:b"), ("", "c:d", "c:d"), ("", "", ""), ('q:"', "é:ü", 'q:",é:ü')]
)
def test_tags_of_the_line_follow_the_tags_of_the_function(base, own, ddtags):
    assert json.loads(encode(tags=own, encoder=EntryEncoder(ARN, "", base))[0])["ddtags"] == ddtags


def test_durable_members_have_their_dot_in_the_key():
    durable = [("execution_id", "e"), ("execution_name", "n"), ("execution_status", "SUCCEEDED"), ("first_invocation", True)]
    assert list(json.loads(encode(durable=durable)[0])["message"]["lambda"].items())[2:] == [
        ("durable_function.execution_id", "e"),
        ("durable_function.execution_name", "n"),
        ("durable_function.execution_status", "SUCCEEDED"),
        ("durable_function.first_invocation", True),
    ]
    plain = json.loads(encode(durable=[("first_invocation", False)])[0])
    assert plain["message"]["lambda"]["durable_function.first_invocation"] is False


@given(TEXT, st.none() | TEXT, st.integers(-(2**40), 2**50), st.sampled_from(intake_logs.STATUSES), TEXT)
def test_whatever_stands_in_a_line_comes_out_of_the_json_again(text, request_id, epoch_ms, status, tags):
    entry = json.loads(encode(text, request_id, epoch_ms, status, tags)[0].decode("utf-8"))
    message = entry["message"]
    clean = [to_utf8(value).decode() if value is not None else None for value in (text, request_id)]
    assert [message["message"], message["lambda"]["request_id"]] == clean
    assert (message["timestamp"], message["status"]) == (epoch_ms, status)


@pytest.mark.parametrize(("text", "data"), [("a\ud800b", "a�b"), ("\udc00", "�"), ("\U0001f600", "\U0001f600"), ("ü", "ü")])
def test_half_a_surrogate_pair_becomes_the_replacement_character(text, data):
    assert to_utf8(text) == data.encode()


@pytest.mark.parametrize("unit", ["x", '"', "\x01", "ü", "\U0001f600", 'a"\x02ü'])
def test_a_line_over_the_limit_is_cut_to_it_and_marked(unit):
    text = unit * (ENTRY_BYTES_MAX // len(unit))
    entry, was_cut = encode(text)
    assert was_cut
    assert ENTRY_BYTES_MAX - 8 < len(entry) <= ENTRY_BYTES_MAX
    message = json.loads(entry)["message"]["message"]
    assert message.endswith(CUT_MARK)
    assert text.startswith(message.removesuffix(CUT_MARK))


def test_a_line_that_fits_exactly_is_not_cut():
    room = ENTRY_BYTES_MAX - len(encode("")[0])
    assert [encode("x" * size)[1] for size in (room, room + 1)] == [False, True]


def test_tags_that_alone_are_over_the_limit_do_not_make_an_entry_over_the_limit():
    entry, was_cut = encode("text", tags="t" * ENTRY_BYTES_MAX)
    assert was_cut
    assert len(entry) <= ENTRY_BYTES_MAX
    assert json.loads(entry)["ddtags"] == "env:prod,region:us-east-1"
    assert json.loads(entry)["message"]["message"] == "text" + CUT_MARK


@given(TEXT, st.integers(0, 80))
def test_a_cut_text_is_the_longest_start_that_fits(text, size):
    text = to_utf8(text).decode()
    start = cut_text(text, size)
    assert text.startswith(start)
    assert len(to_utf8(escape(start))) - 2 <= size
    if start != text:
        assert len(to_utf8(escape(text[: len(start) + 1]))) - 2 > size


def test_the_parts_kept_ready_by_request_id_are_bounded():
    encoder = EntryEncoder(ARN, "", "")
    owners = [encoder.owner(f"id-{number}") for number in range(1000)]
    assert owners[999] == encoder.owner("id-999") == f',"lambda":{{"arn":"{ARN}","request_id":"id-999"}},"timestamp":'
    assert len(encoder._owners) <= intake_logs.OWNERS_MAX
    encoder.owner("x" * 10_000)
    assert all(request_id is None or len(request_id) <= 100 for request_id in encoder._owners)


@pytest.mark.parametrize(("entries", "body"), [([], b"[]"), ([b"a"], b"[a]"), ([b"a", b"b"], b"[a,b]"), ([b"a", b"", b"c"], b"[a,,c]")])
def test_arrays(entries, body):
    assert encode_array(entries) == body
