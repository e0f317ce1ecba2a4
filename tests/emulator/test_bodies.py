"""Bodies as they travel: any bytes come out of each encoding as they went in, and nothing else does."""

import gzip
import json
import zlib

import msgpack
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from emulator.bodies import decompressed, digest, parse_json, parse_msgpack, shallow
from emulator.problems import Problems
from emulator.protobuf_schemas import PayloadError

ENCODINGS = {"": bytes, "zstd": zstd.compress, "gzip": gzip.compress, "deflate": zlib.compress}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.sampled_from(list(ENCODINGS)), st.binary(max_size=300))
def test_what_was_compressed_comes_out_again(encoding, body):
    found = Problems()
    assert decompressed(encoding, ENCODINGS[encoding](body), found) == body
    assert found.sentences() == ()


@given(st.sampled_from(["zstd", "gzip", "deflate"]), st.binary(min_size=1, max_size=300), st.data())
def test_a_body_cut_short_anywhere_is_a_problem(encoding, body, data):
    packed = ENCODINGS[encoding](body)
    found = Problems()
    assert decompressed(encoding, packed[: data.draw(st.integers(0, len(packed) - 1))], found) is None
    assert len(found.sentences()) == 1


@given(VALUES)
def test_json_is_read_as_it_was_written(value):
    found = Problems()
    assert parse_json(json.dumps(value).encode(), found) == value
    assert found.sentences() == ()


@given(VALUES)
def test_msgpack_is_read_as_it_was_written(value):
    assert parse_msgpack(msgpack.packb(value)) == value


def test_msgpacks_bytes_are_shown_as_text():
    assert parse_msgpack(msgpack.packb({"a": [b"\x01\xff"]})) == {"a": ["<bin 01ff>"]}


@pytest.mark.parametrize("body", [b"", b"\x81", b"\x80\x80", b"\x81\x01\x02", b"\xc1"])
def test_what_is_no_msgpack_is_refused(body):
    with pytest.raises(PayloadError, match="not msgpack"):
        parse_msgpack(body)


def test_a_document_that_is_not_deep_is_itself():
    document = {"a": [{"b": []}]}
    assert shallow(document) is document


def test_a_digest_tells_bodies_apart():
    assert digest(b"a") != digest(b"b")
    assert digest(b"a")["bytes"] == 1
