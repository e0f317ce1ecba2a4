"""Large bodies in pieces: the same as in one, in little memory."""

import tracemalloc

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import msgpack_pieces
from protocols.msgpack_pieces import PIECE_SPANS_MAX, WHOLE_BYTES_MAX, decode_in_pieces
from protocols.msgpack_traces import Decoded, Malformed, decode


def joined(pieces):
    pieces = list(pieces)
    return Decoded([chunk for piece in pieces for chunk in piece.chunks], [reason for piece in pieces for reason in piece.refused])


def span(number, size=0):
    return {"name": str(number), "trace_id": 1, "span_id": number, "meta": {"pad": "x" * size}}


def v05(traces):
    row = [0, 0, 0, 1, 1, 0, 1, 1, 0, {}, {}, 0]
    rows = [[row if type(each) is dict else each for each in trace] if type(trace) is list else trace for trace in traces]
    return msgpack.packb([["svc"], rows])


TRACES = st.lists(st.lists(st.builds(span, st.integers(1, 9)) | st.just(7), max_size=4) | st.just("broken"), max_size=6)


@settings(max_examples=80, deadline=None)
@given(TRACES, st.sampled_from(["v0.3", "v0.4", "v0.5"]), st.integers(1, 5), st.integers(0, 40))
def test_the_pieces_are_the_whole(traces, version, spans, cut_off):
    body = v05(traces) if version == "v0.5" else msgpack.packb(traces)
    body = body[: max(0, len(body) - cut_off)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(msgpack_pieces, "WHOLE_BYTES_MAX", -1)
        patch.setattr(msgpack_pieces, "PIECE_SPANS_MAX", spans)
        try:
            whole = decode(version, body)
        except Malformed:
            with pytest.raises(Malformed):
                list(decode_in_pieces(version, body))
        else:
            assert joined(decode_in_pieces(version, body)) == whole


@pytest.mark.parametrize("version", ["v0.3", "v0.4", "v0.5"])
def test_a_large_body_comes_in_pieces_of_whole_traces(version):
    traces = [[span(number, 200) for number in range(10)] for _ in range(300)]
    body = msgpack.packb(traces) if version != "v0.5" else v05(traces * 20)
    pieces = list(decode_in_pieces(version, body))
    counts = [sum(len(chunk.spans) for chunk in piece.chunks) for piece in pieces]
    assert len(body) > WHOLE_BYTES_MAX
    assert set(counts[:-1]) == {PIECE_SPANS_MAX}
    assert joined(pieces) == decode(version, body)


def test_a_small_body_and_other_versions_come_whole():
    [piece] = decode_in_pieces("v0.4", msgpack.packb([[span(1)]]))
    assert len(piece.chunks) == 1
    [piece] = decode_in_pieces("v0.7", msgpack.packb({"chunks": [{"spans": [span(1, WHOLE_BYTES_MAX)]}]}))
    assert len(piece.chunks) == 1


def test_what_is_malformed_from_the_start_says_so_at_once():
    with pytest.raises(Malformed):
        next(decode_in_pieces("v0.4", b"\x81" + b"x" * WHOLE_BYTES_MAX))
    with pytest.raises(Malformed):
        next(decode_in_pieces("v0.5", msgpack.packb([["s"], [], "third" * WHOLE_BYTES_MAX])))


def test_a_large_body_takes_the_memory_of_a_piece():
    body = msgpack.packb([[span(number, 100) for number in range(10)] for _ in range(1_500)])
    assert len(body) > 2_000_000
    tracemalloc.start()
    spans = sum(len(chunk.spans) for piece in decode_in_pieces("v0.4", body) for chunk in piece.chunks)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spans == 15_000
    assert peak < 1_500_000
