"""What a waiting line weighs."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.logs.held import LINE_BYTES, held_bytes
from protocols.intake_logs import to_utf8


@given(st.text(), st.text())
def test_a_line_weighs_at_least_its_texts_and_an_empty_one_is_not_free(text, tags):
    weight = held_bytes((text, 0, "info", None, tags, False, None))
    assert weight >= LINE_BYTES + len(to_utf8(text)) + len(to_utf8(tags))
    assert weight <= LINE_BYTES + 4 * (len(text) + len(tags))
