"""Bodies compressed once, and taken apart again."""

import sys

import attrs
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from protocols.intake_body import Body
from reactor.agent import encode
from reactor.config.load import load


def body_of(kind="logs", raw=b'[{"message":"hello"}]' * 100):
    return Body(kind, "/x", "application/json", raw, 100)


@pytest.mark.parametrize("kind", ["logs", "series", "sketches", "event", "checks"])
def test_every_kind_is_compressed_and_says_so(settings_of, kind):
    codec = encode.Compressor(settings_of())
    sent = codec.encode(body_of(kind))
    assert (sent.encoding, sent.items, sent.kind) == ("zstd", 100, kind)
    assert len(sent.raw) < 100
    assert codec.decode(sent) == body_of(kind)


def test_what_is_compressed_already_stays_as_it_is(settings_of):
    codec = encode.Compressor(settings_of())
    sent = codec.encode(body_of())
    assert codec.encode(sent) is sent


def test_logs_stay_plain_when_the_settings_say_so_and_metrics_do_not(settings_of):
    codec = encode.Compressor(settings_of(DD_LOGS_CONFIG_USE_COMPRESSION="false"))
    assert codec.encode(body_of("logs")) == body_of("logs")
    assert codec.encode(body_of("series")).encoding == "zstd"
    assert codec.decode(codec.encode(body_of("series"))) == body_of("series")


@pytest.mark.parametrize(("kind", "level"), [("logs", 1), ("series", 2), ("sketches", 2), ("event", 4), ("traces", 5)])
def test_each_kind_has_its_own_level(settings_of, monkeypatch, kind, level):
    levels = []
    monkeypatch.setattr(encode, "Frames", lambda level: levels.append(level))
    settings = settings_of(
        DD_COMPRESSION_LEVEL="4",
        DD_LOGS_CONFIG_COMPRESSION_LEVEL="1",
        DD_METRICS_CONFIG_COMPRESSION_LEVEL="2",
        DD_APM_CONFIG_COMPRESSION_LEVEL="5",
    )
    encode.Compressor(settings).encode(body_of(kind))
    assert levels == [level]


def test_a_compressor_that_fails_costs_size_alone(settings_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "compression" if sys.version_info >= (3, 14) else "backports", None)
    assert encode.Compressor(settings_of()).encode(body_of()) == body_of()


def test_one_that_has_failed_is_made_anew(settings_of, monkeypatch):
    codec = encode.Compressor(settings_of())
    with monkeypatch.context() as broken:
        broken.setattr(encode.Frames, "compress", lambda self, data: 1 / 0)
        assert codec.encode(body_of()) == body_of()
    assert codec.decode(codec.encode(body_of())) == body_of()


@pytest.mark.parametrize("level", [1, 3, encode.KEPT_LEVEL_MAX, encode.KEPT_LEVEL_MAX + 1, 19])
def test_what_is_made_one_after_the_other_is_what_is_made_alone(settings_of, level):
    codec = encode.Compressor(settings_of(DD_LOGS_CONFIG_COMPRESSION_LEVEL=str(level)))
    for raw in (b"a" * 300_000, b"", b"b" * 10, bytes(range(256)) * 2_000, b"a" * 300_000):
        assert codec.encode(body_of(raw=raw)).raw == zstd.compress(raw, level)


@given(st.binary(max_size=2_000))
def test_any_bytes_come_back(raw):
    codec = encode.Compressor(load({}, None)[0])
    assert codec.decode(codec.encode(body_of("series", raw))).raw == raw


@pytest.mark.parametrize("kind", ["profiling", "evp", "debugger"])
def test_what_is_passed_on_stays_byte_for_byte(settings_of, kind):
    body, codec = body_of(kind), encode.Compressor(settings_of())
    assert codec.encode(body) is body
    packed = attrs.evolve(body, encoding="zstd")
    assert codec.decode(packed) is packed
