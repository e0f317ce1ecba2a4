import re

import pytest

from fsm.draw import key_of, view
from fsm.draw_dot import quote, to_dot
from fsm.machines import MACHINES

TOKEN = re.compile(r'\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z_][A-Za-z_0-9]*|-?[0-9.]+)|(?P<mark>->|[{}\[\];,=]))')


def tokens(text):
    position, found = 0, []
    while text[position:].strip():
        match = TOKEN.match(text, position)
        assert match, f"not DOT: {text[position : position + 40]!r}"
        found.append(match["quoted"] or match["word"] or match["mark"])
        position = match.end()
    return found


class Parsed:
    """The nodes, edges and clusters of a DOT text, by the grammar's own rules for the part that is used."""

    def __init__(self, text):
        self.nodes, self.edges, self.clusters = {}, [], {}
        self._tokens = tokens(text)
        assert self._take() == "digraph"
        self.name = self._take()
        self._block(None)
        assert self._tokens == []

    def _take(self, expected=None):
        token = self._tokens.pop(0)
        assert expected in (None, token)
        return token

    def _block(self, cluster):
        self._take("{")
        while self._tokens[0] != "}":
            self._statement(cluster)
        self._take("}")

    def _statement(self, cluster):
        first = self._take()
        if first == "subgraph":
            self._block(self._take())
        elif self._tokens[0] == "=":
            self._take()
            if first == "label":
                self.clusters[cluster] = self._take()
            else:
                self._take()
            self._take(";")
        elif self._tokens[0] == "->":
            self._take()
            self.edges.append((first, self._take(), self._attributes()))
        else:
            self.nodes[first] = (cluster, self._attributes())

    def _attributes(self):
        found = {}
        if self._tokens[0] == "[":
            self._take()
            while self._tokens[0] != "]":
                name = self._take()
                self._take("=")
                found[name] = self._take()
                if self._tokens[0] == ",":
                    self._take()
            self._take()
        self._take(";")
        return found


def lines_of(label):
    return [line for line in re.sub(r"\\(.)", lambda m: "\n" if m[1] == "l" else m[1], label[1:-1]).split("\n") if line]


@pytest.fixture(params=list(MACHINES))
def drawn(request):
    return view(MACHINES[request.param]), Parsed(to_dot(MACHINES[request.param]))


def test_every_box_is_a_node_with_its_rows(drawn):
    shown, parsed = drawn
    nodes = {
        name: lines_of(attributes["label"]) for name, (_, attributes) in parsed.nodes.items() if "label" in attributes and name[0] != '"'
    }
    assert nodes == {box.key: [box.title, *(line.text for line in box.stays)] for box in shown.boxes}


def test_every_other_row_is_a_line_of_an_edge_between_nodes(drawn):
    shown, parsed = drawn
    edges = [(source, target, lines_of(attributes["label"])) for source, target, attributes in parsed.edges if attributes]
    assert edges == [(box.key, key_of(target), [line.text for line in lines]) for box in shown.boxes for target, lines in box.edges.items()]
    assert {end for edge in parsed.edges for end in edge[:2]} <= set(parsed.nodes)


def test_states_of_a_group_stand_in_its_cluster(drawn):
    shown, parsed = drawn
    for box in shown.boxes:
        grouped = len(shown.groups.get(box.group, ())) > 1
        assert parsed.nodes[box.key][0] == (f'"cluster_{box.group}"' if grouped else None)
    assert sorted(parsed.clusters.values()) == sorted(f'"{group}"' for group, states in shown.groups.items() if len(states) > 1)


def test_the_beginning_and_the_ends_are_marked(drawn):
    shown, parsed = drawn
    assert ('"(start)"', key_of(shown.initial), {}) in parsed.edges
    assert {name for name, (_, attributes) in parsed.nodes.items() if "peripheries" in attributes} == set(map(key_of, shown.final))


@pytest.mark.parametrize("text", ['a "b"', "back\\slash", 'end\\"', "two\nlines", ""])
def test_no_text_ends_its_quotes_early(text):
    assert tokens(quote(text)) == [quote(text)]
