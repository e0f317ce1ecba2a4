"""Bodies compressed once, and taken apart again."""

import sys

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.intake_body import Body
from reactor.agent import encode
from reactor.config.load import load


def body_of(kind="logs", raw=b'[{"message":"hello"}]' * 100):
    return Body(kind, "/x", "application/json", raw, 100)


@pytest.mark.parametrize("kind", ["logs", "series", "sketches", "event", "checks"])
def test_every_kind_is_compressed_and_says_so(settings_of, kind):
    sent = encode.encode_body(body_of(kind), settings_of())
    assert (sent.encoding, sent.items, sent.kind) == ("zstd", 100, kind)
    assert len(sent.raw) < 100
    assert encode.decode_body(sent) == body_of(kind)


def test_what_is_compressed_already_stays_as_it_is(settings_of):
    sent = encode.encode_body(body_of(), settings_of())
    assert encode.encode_body(sent, settings_of()) is sent


def test_logs_stay_plain_when_the_settings_say_so_and_metrics_do_not(settings_of):
    codec = encode.Compressor(settings_of(DD_LOGS_CONFIG_USE_COMPRESSION="false"))
    assert codec.encode(body_of("logs")) == body_of("logs")
    assert codec.encode(body_of("series")).encoding == "zstd"
    assert codec.decode(codec.encode(body_of("series"))) == body_of("series")


@pytest.mark.parametrize(("kind", "level"), [("logs", 1), ("series", 2), ("sketches", 2), ("event", 4), ("traces", 5)])
def test_each_kind_has_its_own_level(settings_of, monkeypatch, kind, level):
    levels = []
    monkeypatch.setattr(encode, "compress", lambda data, level: levels.append(level) or b"")
    settings = settings_of(
        DD_COMPRESSION_LEVEL="4",
        DD_LOGS_CONFIG_COMPRESSION_LEVEL="1",
        DD_METRICS_CONFIG_COMPRESSION_LEVEL="2",
        DD_APM_CONFIG_COMPRESSION_LEVEL="5",
    )
    encode.encode_body(body_of(kind), settings)
    assert levels == [level]


def test_a_compressor_that_fails_costs_size_alone(settings_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "compression" if sys.version_info >= (3, 14) else "backports", None)
    assert encode.encode_body(body_of(), settings_of()) == body_of()


@given(st.binary(max_size=2_000))
def test_any_bytes_come_back(raw):
    settings = load({}, None)[0]
    assert encode.decode_body(encode.encode_body(body_of("series", raw), settings)).raw == raw


@pytest.mark.parametrize("kind", ["profiling", "evp", "debugger"])
def test_what_is_passed_on_stays_byte_for_byte(settings_of, kind):
    body = body_of(kind)
    assert encode.encode_body(body, settings_of()) is body
    packed = attrs.evolve(body, encoding="zstd")
    assert encode.decode_body(packed) is packed
