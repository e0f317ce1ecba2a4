"""A table as text for Graphviz."""

from typing import Any

from fsm.draw import Box, Cell, View, key_of, view
from fsm.engine import Table

FONT = 'fontname="DejaVu Sans Mono,Menlo,Consolas,monospace"'


def to_dot(table: Table[Any, Any]) -> str:
    """A directed graph: a cluster per group, a node per box, one edge for all rows between the same two."""
    shown = view(table)
    lines = [
        f"digraph {quote(shown.name)} {{",
        "    rankdir=TB; ranksep=0.6; nodesep=0.4;",
        f'    graph [{FONT}, fontsize=12, color="#8b949e", style=rounded];',
        f'    node [{FONT}, fontsize=10, shape=box, style="rounded,filled", fillcolor="#f6f8fa", color="#57606a"];',
        f'    edge [{FONT}, fontsize=9, color="#57606a"];',
        '    "(start)" [shape=point, width=0.15, label=""];',
    ]
    lines += [_node(box, shown, 1) for box in shown.boxes if box.group == ""]
    for group, states in shown.groups.items():
        lines += _cluster(shown, group, states)
    lines.append(f'    "(start)" -> {key_of(shown.initial)};')
    lines += [_edge(box, target, rows) for box in shown.boxes for target, rows in box.edges.items()]
    return "\n".join([*lines, "}", ""])


def quote(text: str) -> str:
    """A quoted identifier or label: no character of `text` ends it early."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _left_lines(texts: list[str]) -> str:
    """A label of several lines, each set to the left."""
    return '"' + "".join(quote(text)[1:-1] + "\\l" for text in texts) + '"'


def _cluster(shown: View, group: str, states: tuple[str, ...]) -> list[str]:
    boxes = [box for box in shown.boxes if box.group == group]
    if len(states) == 1:
        return [_node(box, shown, 1) for box in boxes]
    head = f"    subgraph {quote('cluster_' + group)} {{ label={quote(group)};"
    return [head, *(_node(box, shown, 2) for box in boxes), "    }"]


def _node(box: Box, shown: View, depth: int) -> str:
    stays = [line.text for line in box.stays]
    label = _left_lines([box.title, "", *stays]) if stays else quote(box.title)
    looks = ', style="rounded,dashed"' if box.alike else ", peripheries=2" if box.title in shown.final else ""
    return f"{'    ' * depth}{box.key} [label={label}{looks}];"


def _edge(box: Box, target: str, rows: Cell) -> str:
    return f"    {box.key} -> {key_of(target)} [label={_left_lines([line.text for line in rows])}];"
