"""Which lines say that memory ran out (specification, logs 7)."""

import pytest

from pipelines.logs.out_of_memory import HINTS, MARKERS, PYTHON_MARKER, says_out_of_memory


@pytest.mark.parametrize("marker", [*MARKERS, PYTHON_MARKER])
def test_every_marker_is_found_anywhere_in_a_line_and_holds_a_hint(marker):
    assert says_out_of_memory(f"2026-11-23 x: {marker} y")
    assert any(hint in marker for hint in HINTS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", False),
        ("memory is fine, nothing was killed", False),
        ("memoryerror", False),
        ("[ERROR] MemoryError: unable to allocate", True),
        ("MyMemoryError", False),
        ("my_MemoryError", False),
        ("MyMemoryError because of MemoryError", True),
        ("NoMemoryError", False),
        ("builtins.MemoryError", True),
        ('{"status":"DEBUG","message":"DD_EXTENSION | DEBUG | saw MemoryError"}', False),
        ("DD_EXTENSION | DEBUG | saw java.lang.OutOfMemoryError", False),
        ("x" * 100 + " MemoryError DD_EXTENSION |", True),
    ],
)
def test_lines(text, says):
    assert says_out_of_memory(text) is says
