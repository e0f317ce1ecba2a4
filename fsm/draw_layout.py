"""Where everything stands in a picture of a table. Numbers only; `draw_svg` writes them down.

Bands of cards lie under each other: one per group or, where states have no groups, one per distance from the initial state. A card
holds the rows of one box, sorted by target, so no label lies on a line. Between two bands runs a channel, at the right margin a gutter.
A line leaves its card at the bottom, runs along the channel below and, unless its target is in the next band, the gutter, and enters the
target from above. All lines to one target share one lane in each, so every lane leads to a single state; neighbours are joined directly.
"""

from typing import Any

import attrs

from fsm.draw import STAY, Box, Line, View

CHARACTER, LINE_HEIGHT, PADDING = 6.7, 15, 10  # a fixed-width font of 11 pixels
TITLE_CHARACTER = 7.6  # bold, 12 pixels
LINE_LENGTH_MAX = 40  # characters; a longer row continues on a second line with its action
TITLE_HEIGHT, WIDTH_MIN = 24, 130
GAP, LANE, MARGIN, CHANNEL_MIN = 44, 9, 44, 26
FRAME_HEAD, FRAME_PADDING = 24, 12
PORT_FIRST, PORT_STEP = 16, 14

Point = tuple[int, int]


@attrs.frozen
class Section:
    """The rows of a card that lead to one target (or, first of all, that stay). `y` is its first line's top, from the card's."""

    target: str
    texts: tuple[str, ...]
    y: int

    @property
    def height(self) -> int:
        return LINE_HEIGHT * (len(self.texts) + (self.target != STAY)) + 6


@attrs.frozen
class Card:
    """A box with its place."""

    box: Box
    sections: tuple[Section, ...]
    width: int
    height: int
    x: int = 0
    y: int = 0

    def port(self, target: str) -> Point:
        """Where the line to a target leaves, at the card's bottom."""
        place = list(self.box.edges).index(target)
        return self.x + PORT_FIRST + PORT_STEP * place, self.y + self.height

    @property
    def entry(self) -> Point:
        """Where lines come in from above: away from the ports, which are on the left."""
        return self.x + self.width * 3 // 4, self.y


@attrs.frozen
class Frame:
    """The border around a group."""

    name: str
    x: int
    y: int
    width: int
    height: int


@attrs.frozen
class Route:
    """A line from a card to a target, through these corners."""

    box: Box
    target: str
    points: tuple[Point, ...]


@attrs.frozen
class Layout:
    width: int
    height: int
    cards: tuple[Card, ...]
    frames: tuple[Frame, ...]
    routes: tuple[Route, ...]

    def card(self, state: str) -> Card:
        return next(card for card in self.cards if card.box.title == state and not card.box.alike)


def layout(shown: View) -> Layout:
    """Place everything. The same view gives the same numbers."""
    bands = [[_card(box) for box in boxes] for boxes in _bands(shown)]
    lanes = _Lanes(shown, bands)
    placed = _place(bands, lanes)
    cards = tuple(card for band in placed for card in band)
    frames = tuple(_frame(band) for band in placed if _is_group(band))
    width = max(card.x + card.width for card in cards) + MARGIN
    bottom = max(card.y + card.height for card in cards) + FRAME_PADDING + lanes.height(len(bands))
    routes = tuple(_route(card, target, placed, lanes, width) for card in cards for target in card.box.edges)
    return Layout(width + LANE * len(lanes.gutter) + PADDING, bottom, cards, frames, routes)


# --- cards --------------------------------------------------------------------------------------------------------------------


def _texts(lines: tuple[Line, ...]) -> tuple[str, ...]:
    texts: list[str] = []
    for line in lines:
        short = len(line.text) <= LINE_LENGTH_MAX or not line.action
        texts += [line.text] if short else [line.condition, f"    / {line.action}"]
    return tuple(texts)


def _card(box: Box) -> Card:
    y, sections = TITLE_HEIGHT, []
    for target, lines in {STAY: box.stays, **box.edges}.items():
        if lines:
            sections.append(Section(target, _texts(lines), y))
            y += sections[-1].height
    longest = max((len(text) for section in sections for text in (*section.texts, f"  to {section.target}")), default=0)
    text_width = int(max(longest * CHARACTER, len(box.title) * TITLE_CHARACTER)) + 2 * PADDING
    ports = PORT_FIRST * 2 + PORT_STEP * len(box.edges)
    return Card(box, tuple(sections), max(WIDTH_MIN, ports, text_width), y + 4)


# --- bands --------------------------------------------------------------------------------------------------------------------


def _bands(shown: View) -> list[list[Box]]:
    wide = [box for box in shown.boxes if box.group == ""]
    if all(len(states) == 1 for states in shown.groups.values()):
        first, *others = _by_distance(shown)
        return [first + wide, *others]
    bands = [[shown.box(state) for state in states] for states in shown.groups.values()]
    for band in bands:
        band += [box for box in shown.boxes if box.alike and box.group == band[0].group]
    return [wide, *bands] if wide else bands


def _by_distance(shown: View) -> list[list[Box]]:
    """States by the fewest rows that lead to them from the initial one; rows that are drawn once for several count for each."""
    bands, seen = [[shown.box(shown.initial)]], {shown.initial}
    while bands[-1]:
        targets = dict.fromkeys(target for box in bands[-1] for target in _targets(shown, box))
        bands.append([shown.box(target) for target in targets if target not in seen])
        seen.update(targets)
    return bands[:-1]


def _targets(shown: View, box: Box) -> list[str]:
    return [target for other in shown.boxes if other is box or box.title in other.alike for target in other.edges]


def _is_group(band: list[Card]) -> bool:
    return len(band) > 1 and len({card.box.group for card in band}) == 1


def _frame(band: list[Card]) -> Frame:
    x, y = band[0].x - FRAME_PADDING, band[0].y - FRAME_HEAD
    width = band[-1].x + band[-1].width + FRAME_PADDING - x
    return Frame(band[0].box.group, x, y, width, max(card.height for card in band) + FRAME_HEAD + FRAME_PADDING)


def _place(bands: list[list[Card]], lanes: "_Lanes") -> list[list[Card]]:
    placed, y = [], 0
    for index, band in enumerate(bands):
        y += lanes.height(index) + FRAME_HEAD
        placed.append(_place_band(band, y))
        y += max(card.height for card in band) + FRAME_PADDING
    return placed


def _place_band(band: list[Card], y: int) -> list[Card]:
    x, placed = MARGIN, []
    for card in band:
        placed.append(attrs.evolve(card, x=x, y=y))
        x += card.width + GAP
    return placed


# --- lines --------------------------------------------------------------------------------------------------------------------


class _Lanes:
    """Which lane of which channel, and of the gutter, leads to which target. Channel `n` runs above band `n`."""

    def __init__(self, shown: View, bands: list[list[Card]]) -> None:
        self.band_of = {card.box.title: index for index, band in enumerate(bands) for card in band if not card.box.alike}
        self.channels: dict[int, list[str]] = {}
        self.gutter: list[str] = []
        for index, band in enumerate(bands):
            for card in band:
                for target in card.box.edges:
                    if not is_neighbour(band, card, target):
                        self._open(index + 1, target)

    def _open(self, leaves: int, target: str) -> None:
        arrives = self.band_of[target]
        for channel in (leaves, arrives):
            lanes = self.channels.setdefault(channel, [])
            if target not in lanes:
                lanes.append(target)
        if leaves != arrives and target not in self.gutter:
            self.gutter.append(target)

    def height(self, channel: int) -> int:
        return CHANNEL_MIN + LANE * len(self.channels.get(channel, ()))

    def above(self, channel: int, target: str) -> int:
        """How far above the next band's cards the target's lane runs."""
        lanes = self.channels[channel]
        return FRAME_HEAD + CHANNEL_MIN // 2 + LANE * (len(lanes) - 1 - lanes.index(target))


def is_neighbour(band: list[Card], card: Card, target: str) -> bool:
    """Whether the target stands at the card's right, so that a line can go straight there."""
    place = next(index for index, other in enumerate(band) if other.box is card.box)
    following: Any = band[place + 1].box if place + 1 < len(band) else None
    return following is not None and following.title == target and not card.box.alike


def _route(card: Card, target: str, bands: list[list[Card]], lanes: _Lanes, gutter_x: int) -> Route:
    source = next(index for index, band in enumerate(bands) if card in band)
    end = next(other for other in bands[lanes.band_of[target]] if other.box.title == target and not other.box.alike)
    if is_neighbour(bands[source], card, target):
        return Route(card.box, target, _straight(card, end, target))
    leaves, arrives = source + 1, lanes.band_of[target]
    start, entry = card.port(target), end.entry
    out_y = _lane_y(bands, lanes, leaves, target)
    if leaves == arrives:
        return Route(card.box, target, (start, (start[0], out_y), (entry[0], out_y), entry))
    x, in_y = gutter_x + LANE * lanes.gutter.index(target), _lane_y(bands, lanes, arrives, target)
    return Route(card.box, target, (start, (start[0], out_y), (x, out_y), (x, in_y), (entry[0], in_y), entry))


def _lane_y(bands: list[list[Card]], lanes: _Lanes, channel: int, target: str) -> int:
    if channel < len(bands):
        return bands[channel][0].y - lanes.above(channel, target)
    below = max(card.y + card.height for card in bands[-1]) + FRAME_PADDING
    return below + CHANNEL_MIN // 2 + LANE * lanes.channels[channel].index(target)


def _straight(card: Card, end: Card, target: str) -> tuple[Point, ...]:
    section = next(section for section in card.sections if section.target == target)
    y, end_y = card.y + section.y + LINE_HEIGHT // 2, end.y + TITLE_HEIGHT // 2
    middle = card.x + card.width + GAP // 2
    return (card.x + card.width, y), (middle, y), (middle, end_y), (end.x, end_y)
