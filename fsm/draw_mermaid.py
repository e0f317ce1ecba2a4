"""A table as a Mermaid state diagram, which many documentation sites draw by themselves."""

from typing import Any

from fsm.draw import Box, Cell, View, key_of, view
from fsm.engine import Table

# Mermaid reads these as syntax even inside a label; as character references it shows them.
REFERENCES = {"#": "#35;", ";": "#59;", '"': "#34;", "<": "#60;", ">": "#62;", "{": "#123;", "}": "#125;", "\n": " "}


def to_mermaid(table: Table[Any, Any]) -> str:
    """The `stateDiagram-v2` text of a table, without a fence."""
    shown = view(table)
    lines = ["stateDiagram-v2", "    direction TB", f"    [*] --> {key_of(shown.initial)}"]
    for box in shown.boxes:
        if box.group == "":
            lines += _box(box, 1)
    for group, states in shown.groups.items():
        lines += _group(shown, group, states)
    for box in shown.boxes:
        lines += _edges(box)
    lines += [f"    {key_of(state)} --> [*]" for state in sorted(shown.final)]
    return "\n".join([*lines, ""])


def escape(text: str) -> str:
    """A label's text: nothing in it is syntax."""
    return "".join(REFERENCES.get(char, char) for char in text)


def _group(shown: View, group: str, states: tuple[str, ...]) -> list[str]:
    boxes = [box for box in shown.boxes if box.group == group]
    if len(states) == 1:
        return [line for box in boxes for line in _box(box, 1)]
    inner = [line for box in boxes for line in _box(box, 2)]
    return [f'    state "{escape(group)}" as {key_of(group)} {{', *inner, "    }"]


def _box(box: Box, depth: int) -> list[str]:
    indent = "    " * depth
    lines = [f'{indent}state "{escape(box.title)}" as {box.key}']
    return lines + [f"{indent}{box.key} : {escape(line.text)}" for line in box.stays]


def _edges(box: Box) -> list[str]:
    return [f"    {box.key} --> {key_of(target)} : {_label(lines)}" for target, lines in box.edges.items()]


def _label(lines: Cell) -> str:
    return "<br/>".join(escape(line.text) for line in lines)
