"""A span that is too large for a body."""

from emulator.protobuf_schemas import decode_message
from pipelines.traces.oversize import SPAN_BYTES_MAX, TEXT_BYTES_MAX, fit

MIB = 1024 * 1024


def fitted(make_span, **fields):
    encoded = fit(make_span(**fields))
    assert encoded is None or len(encoded) <= SPAN_BYTES_MAX
    return encoded and decode_message("Span", encoded)[0]


def test_long_texts_are_cut(make_span):
    found = fitted(make_span, resource="r" * MIB, meta={"long": "ü" * 9 * MIB, "short": "x"})
    assert [len(text.encode()) for text in (found["resource"], found["meta"]["long"])] == [TEXT_BYTES_MAX] * 2
    assert found["meta"]["short"] == "x"


def test_attachments_go_only_if_that_is_not_enough(make_span):
    small = fitted(make_span, meta={"long": "x" * 9 * MIB}, meta_struct={"a": b"x"})
    large = fitted(make_span, meta={"long": "x" * 9 * MIB}, meta_struct={"a": b"x" * 9 * MIB})
    assert ("meta_struct" in small, "meta_struct" in large) == (True, False)


def test_a_span_of_countless_tags_cannot_be_helped(make_span):
    assert fitted(make_span, meta={str(number): "x" * 20_000 for number in range(500)}) is None
