import re

import pytest

from fsm.draw import key_of, view
from fsm.draw_mermaid import escape, to_mermaid
from fsm.machines import MACHINES

LINES = {
    "head": r"stateDiagram-v2",
    "direction": r"direction TB",
    "state": r'state "(?P<title>[^"]+)" as (?P<key>\w+)(?P<opens> \{)?',
    "closes": r"\}",
    "row": r"(?P<box>\w+) : (?P<text>[^:].*)",
    "edge": r"(?P<source>\w+|\[\*\]) --> (?P<target>\w+|\[\*\])( : (?P<label>.+))?",
}


def parse(text):
    """Every line as (its kind, its parts); a line that is none of them fails."""
    parsed = []
    for line in text.splitlines():
        kind, match = next((kind, match) for kind, pattern in LINES.items() if (match := re.fullmatch(pattern, line.strip())))
        parsed.append((kind, match.groupdict()))
    return parsed


def unescape(text):
    return re.sub(r"#(\d+);", lambda match: chr(int(match[1])), text)


@pytest.fixture(params=list(MACHINES))
def drawn(request):
    table = MACHINES[request.param]
    return view(table), parse(to_mermaid(table))


def of(parsed, kind):
    return [parts for each, parts in parsed if each == kind]


def test_every_box_is_declared_once_before_it_is_used(drawn):
    shown, parsed = drawn
    declared = [parts["key"] for parts in of(parsed, "state") if not parts["opens"]]
    assert sorted(declared) == sorted(box.key for box in shown.boxes)
    first_edge = next(index for index, (kind, parts) in enumerate(parsed) if kind == "edge" and parts["label"])
    assert all(kind != "state" for kind, _ in parsed[first_edge:])


def test_states_of_a_group_stand_in_it(drawn):
    shown, parsed = drawn
    inside, found = None, {}
    for kind, parts in parsed:
        if kind == "state" and parts["opens"]:
            inside = parts["title"]
        elif kind == "closes":
            inside = None
        elif kind == "state" and inside:
            found.setdefault(inside, []).append(unescape(parts["title"]))
    assert found == {
        group: [box.title for box in shown.boxes if box.group == group] for group, states in shown.groups.items() if len(states) > 1
    }


def test_every_row_is_a_line_of_its_box_or_of_an_edge(drawn):
    shown, parsed = drawn
    rows = sorted((parts["box"], unescape(parts["text"])) for parts in of(parsed, "row"))
    assert rows == sorted((box.key, line.text) for box in shown.boxes for line in box.stays)
    edges = sorted((parts["source"], parts["target"], unescape(parts["label"])) for parts in of(parsed, "edge") if parts["label"])
    assert edges == sorted(
        (box.key, key_of(target), "<br/>".join(line.text for line in lines)) for box in shown.boxes for target, lines in box.edges.items()
    )


def test_the_beginning_and_every_end_are_marked(drawn):
    shown, parsed = drawn
    marks = {(parts["source"], parts["target"]) for parts in of(parsed, "edge") if not parts["label"]}
    assert marks == {("[*]", key_of(shown.initial)), *((key_of(state), "[*]") for state in shown.final)}


@pytest.mark.parametrize("text", ['a "b" c', "a; b", "a #35; b", "<b>", "{x}", "plain [text] / here"])
def test_what_mermaid_would_read_as_syntax_is_escaped_and_comes_back(text):
    escaped = escape(text)
    assert not set('"<>{}') & set(escaped)
    assert re.sub(r"#\d+;", "", escaped).count(";") == 0
    assert unescape(escaped) == text


def test_a_line_break_in_a_label_does_not_break_the_line():
    assert escape("a\nb") == "a b"
