"""A table as a picture of its own: SVG without scripts, links or outside fonts. Readable on light and on dark pages.

Every line says in its tooltip which rows it stands for, and all text is text: it can be searched, selected and read aloud.
"""

from html import escape
from typing import Any

from fsm.draw import STAY, View, view
from fsm.draw_layout import CHARACTER, LINE_HEIGHT, PADDING, TITLE_HEIGHT, Card, Frame, Layout, Point, Route, layout
from fsm.engine import Table

# Of middling lightness, so that they stand out from white and from black; neighbours in the list are unlike each other.
COLOURS = (
    "#2f81f7", "#2da44e", "#bf8700", "#e5534b", "#a371f7", "#1b9e9e", "#db61a2", "#8c6d46",
    "#7f8c2a", "#d2601a", "#5a6fc0", "#8b949e", "#b3446c", "#4c9aa8", "#6aa84f", "#9a5fb5",
)  # fmt: skip
STYLE = """\
    text { font: 11px "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #24292f; white-space: pre }
    .title, .target { font-weight: bold }
    .title { font-size: 12px }
    .frame { fill: none; stroke: #8b949e }
    .group { fill: #768390; font-size: 13px; font-weight: bold }
    .card { fill: #f6f8fa; stroke: #57606a }
    .alike { stroke-dasharray: 5 3 }
    .rule { stroke: #d0d7de }
    .line { fill: none; stroke-width: 1.6; stroke-linejoin: round }
    .start { fill: #768390; stroke: #768390 }"""


def to_svg(table: Table[Any, Any], about: str = "") -> str:
    """The picture of a table; `about` is a sentence on what the machine is for."""
    shown = view(table)
    placed = layout(shown)
    colours = {state: COLOURS[index % len(COLOURS)] for index, state in enumerate(_targets(shown))}
    drawing = [_head(shown, placed, about)]
    drawing += [_frame(frame) for frame in placed.frames]
    drawing += [_route(route, colours[route.target]) for route in placed.routes]
    drawing += [_card(card, shown, colours) for card in placed.cards]
    drawing.append(_start(placed.card(shown.initial)))
    return "\n".join([*drawing, "</svg>", ""])


def _targets(shown: View) -> list[str]:
    return list(dict.fromkeys(target for box in shown.boxes for target in box.edges))


def _head(shown: View, placed: Layout, about: str) -> str:
    states = sum(map(len, shown.groups.values()))
    rows = f"{states} states. A box lists the rows of a state: first those that stay in it, then, by target, those that leave it."
    size = f'width="{placed.width}" height="{placed.height}" viewBox="0 0 {placed.width} {placed.height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title about">',
            f'  <title id="title">State machine {escape(shown.name)}</title>',
            f'  <desc id="about">{escape(f"{about} {rows}".strip())}</desc>',
            f"  <style>\n{STYLE}\n  </style>",
        ]
    )


def _frame(frame: Frame) -> str:
    box = f'x="{frame.x}" y="{frame.y}" width="{frame.width}" height="{frame.height}" rx="8"'
    return f'  <rect class="frame" {box}/>\n  {_text(frame.x + 10, frame.y + 16, "group", frame.name)}'


def _text(x: int, y: int, kind: str, text: str) -> str:
    of_kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}"{of_kind}>{escape(text)}</text>'


def _route(route: Route, colour: str) -> str:
    rows = "\n".join(line.text for line in route.box.edges[route.target])
    path = "M" + " L".join(f"{x} {y}" for x, y in route.points)
    return (
        f'  <g stroke="{colour}" fill="{colour}"><title>{escape(route.box.title)} to {escape(route.target)}:\n{escape(rows)}</title>'
        f'<path class="line" d="{path}"/>{_arrow_head(route.points[-2], route.points[-1])}</g>'
    )


def _arrow_head(before: Point, end: Point) -> str:
    x, y = end
    corners = (x, y, x - 4, y - 8, x + 4, y - 8) if before[0] == x else (x, y, x - 8, y - 4, x - 8, y + 4)
    return f'<path stroke="none" d="M{corners[0]} {corners[1]} L{corners[2]} {corners[3]} L{corners[4]} {corners[5]} Z"/>'


def _card(card: Card, shown: View, colours: dict[str, str]) -> str:
    box = f'x="{card.x}" y="{card.y}" width="{card.width}" height="{card.height}" rx="5"'
    parts = [f'<rect class="card{" alike" if card.box.alike else ""}" {box}/>']
    if card.box.title in shown.final:
        parts.append(f'<rect class="card" x="{card.x + 3}" y="{card.y + 3}" width="{card.width - 6}" height="{card.height - 6}" rx="3"/>')
    parts.append(_text(card.x + PADDING, card.y + 16, "title", card.box.title))
    for section in card.sections:
        parts += _section(card, section.target, section.texts, card.y + section.y, colours)
    return "\n".join(["  <g>", *(f"    {part}" for part in parts), "  </g>"])


def _section(card: Card, target: str, texts: tuple[str, ...], y: int, colours: dict[str, str]) -> list[str]:
    parts = [f'<path class="rule" d="M{card.x + 1} {y - 2} H{card.x + card.width - 1}"/>']
    if target != STAY:
        parts.append(f'<rect x="{card.x + PADDING}" y="{y + 3}" width="9" height="9" rx="2" fill="{colours[target]}"/>')
        parts.append(_text(card.x + PADDING + int(2 * CHARACTER), y + 12, "target", f"to {target}"))
        y += LINE_HEIGHT
    return parts + [_text(card.x + PADDING, y + 12 + LINE_HEIGHT * place, "", text) for place, text in enumerate(texts)]


def _start(card: Card) -> str:
    x, y = card.x, card.y + TITLE_HEIGHT // 2
    line = f'<path d="M{x - 26} {y} H{x - 8}"/>{_arrow_head((x - 26, y), (x, y))}'
    return f'  <g class="start"><title>Here it begins</title><circle cx="{x - 26}" cy="{y}" r="5"/>{line}</g>'
