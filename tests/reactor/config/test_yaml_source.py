import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor.config.yaml_source import DEPTH_MAX, FILE_BYTES_MAX, NODES_MAX, YamlProblem, parse_document


def bomb(levels: int, width: int) -> str:
    """Each level lists the one below `width` times: a few hundred bytes that mean width ** levels values."""
    lines = ["a0: &a0 [" + ",".join("x" * width) + "]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("no", "no"),
        ("on", "on"),
        ("~", None),
        ("null", None),
        ("", None),
        ("5", 5),
        ("-5", -5),
        ("1.5", 1.5),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 5", "5"),
        ("2024-01-01", "2024-01-01"),
        ("1e3", 1000.0),
        (".", "."),
        ("1.2.3", "1.2.3"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("[a, 1]", ["a", 1]),
        ("{b: c}", {"b": "c"}),
    ],
)
def test_scalars_and_collections(text, value):
    document, notes = parse_document(f"key: {text}")
    assert document == {"key": value}
    assert type(document["key"]) is type(value) or isinstance(document["key"], int | float)
    assert notes == []


@pytest.mark.parametrize("text", ["1.10", "007", "+5", "1e3"])
def test_a_number_prints_as_it_was_written(text):
    assert str(parse_document(f"key: {text}")[0]["key"]) == text


def test_aliases_stand_for_what_they_name():
    assert parse_document("a: &x [1, 2]\nb: *x\n")[0] == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "line"),
        ("a: b: c", "line 1"),
        ("- a", "not a map"),
        ("text", "not a map"),
        ("a: 1\n---\nb: 2\n", "more than one document"),
        ("a: *nowhere", "alias"),
        ("a: &x [*x]", "alias"),
        ("a: \x00", "not YAML"),
        ("a: \udc80", "UTF-8"),
        ("a: " + "[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1), "nested deeper"),
        ("{a: " * 900 + "1" + "}" * 900, "nested deeper"),
        ("a: [" + "x," * NODES_MAX + "]", "values"),
        (bomb(9, 9), "values"),
        (bomb(30, 2), "values"),
        ("x" * (FILE_BYTES_MAX + 1), "larger"),
        ("é" * (FILE_BYTES_MAX // 2 + 1), "larger"),
    ],
)
def test_what_is_refused_whole(text, reason):
    with pytest.raises(YamlProblem, match=reason):
        parse_document(text)


def test_the_deepest_allowed_value_is_read():
    depth = DEPTH_MAX - 2
    assert parse_document("a: " + "[" * depth + "]" * depth)[0]["a"] is not None


def test_a_key_twice_and_a_key_that_is_a_list_are_noted():
    document, notes = parse_document("a: 1\na: 2\n? [x]\n: 3\n")
    assert document == {"a": 2}
    assert len(notes) == 2


def test_without_the_c_library_the_result_is_the_same(monkeypatch):
    import yaml

    text = "a: &x [1, 'two', {b: ~}]\nc: *x\n"
    with_library = parse_document(text)
    monkeypatch.delattr(yaml, "CBaseLoader", raising=False)
    assert parse_document(text) == with_library


@given(st.text(alphabet=st.characters(codec=None), max_size=80) | st.text("ab:-[]{}&*!|>'\"#%@`,?~ \n\t01.", max_size=80))
def test_any_text_is_a_document_or_a_problem(text):
    try:
        document, _ = parse_document(text)
    except YamlProblem:
        return
    assert isinstance(document, dict)


SCALARS = st.booleans() | st.none() | st.integers(-(10**6), 10**6) | st.text("abcdef xyz", min_size=1)


@given(st.dictionaries(st.text("abc", min_size=1), SCALARS | st.lists(SCALARS, max_size=3), max_size=5))
def test_what_the_library_writes_is_what_is_read(document):
    import yaml

    assert parse_document(yaml.safe_dump(document))[0] == document
