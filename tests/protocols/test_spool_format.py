"""The spool's bytes: what is written is read, and what is damaged costs only what stands behind it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import spool_format as form
from protocols.intake_body import Body

LOGS = Body("logs", "/api/v2/logs", "application/json", b'[{"a":1}]', 1)
SERIES = Body("series", "/api/v2/series", "application/json", b'{"series":[]}', 3)
URL = "https://intake.example/api/v2/logs"
OWNER = form.owner_record("my-function")


def taken_record(kind, epoch_ms, *data):
    return b"".join(form.taken_parts(kind, epoch_ms, *data))


def test_what_was_taken_and_never_sealed_is_there_in_order():
    data = OWNER + taken_record(form.TELEMETRY, 5, b"[]") + taken_record(form.DATAGRAMS, 6, b"a:1|c\nb:2|c")
    contents = form.read(data)
    taken = [form.Taken(form.TELEMETRY, 5, b"[]"), form.Taken(form.DATAGRAMS, 6, b"a:1|c\nb:2|c")]
    assert contents == form.Contents("my-function", taken, [], len(data))


def test_sealing_moves_what_was_taken_into_payloads():
    data = OWNER + taken_record(form.TELEMETRY, 5, b"[]") + form.payload_record(7, URL, LOGS) + form.sealed_record()
    assert form.read(data) == form.Contents("my-function", [], [form.Kept(7, URL, LOGS, begun=False)], len(data))


def test_a_payload_that_was_being_sent_says_so_and_a_resolved_one_is_gone():
    data = OWNER + form.payload_record(7, URL, LOGS) + form.payload_record(8, URL, SERIES) + form.begun_record(7) + form.begun_record(8)
    assert [kept.begun for kept in form.read(data).kept] == [True, True]
    assert form.read(data + form.resolved_record(7)).kept == [form.Kept(8, URL, SERIES, begun=True)]


@pytest.mark.parametrize("cut", [1, 5, 8, 9, 19])
def test_a_record_that_was_cut_short_costs_itself(cut):
    whole = OWNER + taken_record(form.TELEMETRY, 5, b"[1]")
    last = taken_record(form.TELEMETRY, 6, b"[2]")
    contents = form.read(whole + last[:cut])
    assert (len(contents.taken), contents.good_bytes) == (1, len(whole))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_error(data):
    contents = form.read(data)
    assert 0 <= contents.good_bytes <= len(data)
    assert form.read(OWNER + data).owner == "my-function"


@given(st.data())
def test_a_flipped_bit_never_gives_a_record_that_was_not_written(data):
    written = [taken_record(form.TELEMETRY, number, b"[%d]" % number) for number in range(5)]
    whole = bytearray(OWNER + b"".join(written))
    place = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[place // 8] ^= 1 << place % 8
    for taken in form.read(bytes(whole)).taken:
        assert taken.data == b"[%d]" % taken.epoch_ms


def test_a_spool_of_another_version_has_no_owner():
    assert form.read(form.record(form.OWNER, b'{"version":3,"owner":"my-function"}')).owner is None


def test_a_spool_of_the_first_version_is_read():
    assert form.read(form.record(form.OWNER, b'{"version":1,"owner":"my-function"}')).owner == "my-function"


def test_headers_and_subdomain_of_a_payload_are_kept():
    sent = Body("evp", "/api/v2/x?a=1", "", b"\x00", 1, "gzip", ((b"User-Agent", b"caf\xe9"), (b"a", b"")), "event-platform-intake")
    [kept] = form.read(OWNER + form.payload_record(7, URL, sent)).kept
    assert kept == form.Kept(7, URL, sent, False)


def test_a_request_is_kept_with_its_line_and_headers():
    request = ("PUT", "/v0.4/traces?a=1", ((b"content-type", b"x"), (b"odd", b"\xff")), b"\x90\x00")
    [taken] = form.read(OWNER + taken_record(form.REQUEST, 6, *form.request_bytes(*request))).taken
    assert form.read_request(taken.data) == (*request, 0)


@given(st.binary(max_size=60))
def test_bytes_that_hold_no_request_raise_what_is_promised(data):
    try:
        form.read_request(data)
    except (ValueError, KeyError, TypeError, struct.error):
        pass


def test_the_key_and_the_encoding_of_a_payload_are_kept():
    sent = Body("logs", "/api/v2/logs", "application/json", b"\x28\xb5", 1, "zstd")
    [kept] = form.read(OWNER + form.payload_record(7, URL, sent, 3)).kept
    assert kept == form.Kept(7, URL, sent, False, 3)


NUMBERS = st.integers(1, 4)
RECORDS = st.one_of(
    st.builds(taken_record, st.sampled_from(form.TAKEN_KINDS), st.integers(0, 9), st.binary(max_size=9)),
    st.builds(form.payload_record, NUMBERS, st.just(URL), st.sampled_from([LOGS, SERIES]), st.integers(0, 2)),
    st.builds(form.begun_record, NUMBERS),
    st.builds(form.resolved_record, NUMBERS),
    st.builds(form.sealed_record),
)


@given(st.lists(RECORDS, max_size=30), st.booleans())
def test_compacting_changes_nothing_but_the_size(records, with_taken):
    data = OWNER + b"".join(records)
    compacted, sizes, taken_bytes = form.compact(data, with_taken)
    before, after = form.read(data), form.read(compacted)
    assert len(compacted) <= len(data)
    assert after.owner == before.owner
    assert after.taken == (before.taken if with_taken else [])
    assert sorted(after.kept, key=lambda kept: kept.number) == sorted(before.kept, key=lambda kept: kept.number)
    marks = sum(kept.begun for kept in after.kept) * len(form.begun_record(1))
    assert len(compacted) == len(OWNER) + sum(sizes.values()) + marks + taken_bytes
    assert sizes.keys() == {kept.number for kept in after.kept}
    assert form.compact(compacted)[0] == compacted


def test_reading_stops_before_what_makes_no_sense_so_that_it_can_be_cut_off():
    nonsense = form.record(form.PAYLOAD, b"x")
    assert form.read(OWNER + nonsense).good_bytes == len(OWNER)


@pytest.mark.parametrize("body", [b"", b"x", b"\x01\x00\x00\x00\xff\xff\xff\xff{}"])
def test_a_record_that_is_whole_but_makes_no_sense_ends_the_reading(body):
    contents = form.read(OWNER + form.record(form.PAYLOAD, body))
    assert (contents.owner, contents.kept) == ("my-function", [])
