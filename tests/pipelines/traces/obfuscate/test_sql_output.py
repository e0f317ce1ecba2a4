"""The text being built: its spaces, placeholders and aliases (specification, traces 9.3.1)."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.traces.obfuscate.sql_output import Output

ACTIONS = {
    "space": Output.space,
    "blank": Output.blank,
    "emit": lambda out: out.emit("a"),
    "quoted": lambda out: out.emit_quoted("b  "),
    "empty": lambda out: out.emit_quoted(""),
    "point": lambda out: out.append("."),
    "placeholder": Output.placeholder,
    "operator": lambda out: out.operator("+"),
    "without space": Output.without_space,
    "without spaces": Output.without_spaces,
    "cut": Output.cut_alias,
    "keep": Output.keep_alias,
}


@given(st.lists(st.sampled_from([*ACTIONS, "as"])))
def test_what_it_knows_of_its_end_is_so(names):
    out = Output()
    for name in names:
        if out.is_alias_pending and name.startswith("without"):
            continue  # nothing takes spaces away while an alias is pending: what does cuts it first
        ACTIONS.get(name, lambda out: out.begin_alias("as"))(out)
        text = "".join(out.pieces)
        assert out.last == text[-1:]
        assert out.solid == text.rstrip(" ")[-1:] or not text.strip(" ")
        assert all(piece == " " or piece[-1] != " " for piece in out.pieces)
        assert out.is_special == out.is_alias_pending
    assert out.text() == "".join(out.pieces).rstrip(" ")


def test_placeholders_are_not_doubled():
    out = Output()
    for _ in range(3):
        out.placeholder()
        out.space()
    assert out.text() == "?"


def test_a_point_joins_names_but_not_what_comes_after_a_space():
    out = Output()
    for piece in ("a", ".", "b"):
        out.append(piece) if piece == "." else out.emit(piece)
    out.blank()
    out.append(".")
    out.emit("c")
    assert out.text() == "a.b . c"


def test_an_alias_is_cut_with_its_as():
    out = Output()
    out.emit("a")
    out.space()
    out.begin_alias("as")
    assert (out.is_special, out.cut_alias(), out.cut_alias(), out.text()) == (True, True, False, "a")


def test_a_savepoint_is_expected_until_told_otherwise():
    out = Output()
    out.expect_savepoint(True)
    out.begin_alias("as")
    out.cut_alias()
    assert out.is_special
    out.expect_savepoint(False)
    assert not out.is_special
