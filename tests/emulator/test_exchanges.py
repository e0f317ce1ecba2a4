"""Exchanges as JSON lines."""

import json

from hypothesis import given
from hypothesis import strategies as st

from emulator.exchanges import from_json_line, to_json_line
from emulator.values import ApiCall

header = st.tuples(st.binary(max_size=8), st.binary(max_size=8))
calls = st.builds(
    ApiCall,
    at_ms=st.floats(0, 1e9),
    kind=st.sampled_from(["extensions", "runtime", "telemetry_api", "telemetry"]),
    method=st.sampled_from(["GET", "POST", "PUT"]),
    path=st.text(max_size=20),
    headers=st.lists(header, max_size=3).map(tuple),
    body=st.binary(max_size=40) | st.text(max_size=20).map(str.encode),
    status=st.none() | st.integers(100, 599),
    answer=st.binary(max_size=20),
    answered_ms=st.floats(0, 1e9),
)


@given(calls)
def test_what_is_written_is_read_back(call):
    line = to_json_line(call)
    assert "\n" not in line
    assert from_json_line(line) == call


@given(calls)
def test_a_line_has_the_documented_fields(call):
    document = json.loads(to_json_line(call))
    assert {"t_ms", "dir", "method", "path", "headers"} <= set(document)
    assert document["dir"] == ("out" if call.kind == "telemetry" else "in")
