"""The picture and its layout. What a person would see at once is tested here: overlaps, lines through boxes, text that does not fit."""

from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest

from fsm.draw import view
from fsm.draw_layout import CHARACTER, PADDING, TITLE_CHARACTER, layout
from fsm.draw_svg import to_svg
from fsm.machines import MACHINES

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(params=list(MACHINES))
def table(request):
    return MACHINES[request.param]


@pytest.fixture
def placed(table):
    return layout(view(table))


@pytest.fixture
def picture(table):
    return ElementTree.fromstring(to_svg(table, 'What it is for: "a < b & c".'))


# --- the layout ---------------------------------------------------------------------------------------------------------------


def overlap(one, other):
    return one.x < other.x + other.width and other.x < one.x + one.width and one.y < other.y + other.height and other.y < one.y + one.height


def segments(route):
    """(x from, x to, y from, y to), each ascending."""
    return [(*sorted((x, to_x)), *sorted((y, to_y))) for (x, y), (to_x, to_y) in pairwise(route.points)]


def test_no_card_lies_on_another(placed):
    assert not any(overlap(one, other) for one, other in combinations(placed.cards, 2))


def test_no_frame_lies_on_another_or_on_a_strangers_card(placed):
    assert not any(overlap(one, other) for one, other in combinations(placed.frames, 2))
    assert not any(overlap(frame, card) for frame in placed.frames for card in placed.cards if card.box.group != frame.name)


def test_everything_is_within_the_picture(placed):
    for shape in (*placed.cards, *placed.frames):
        assert 0 <= shape.x <= shape.x + shape.width <= placed.width
        assert 0 <= shape.y <= shape.y + shape.height <= placed.height
    assert all(0 <= x <= placed.width and 0 <= y <= placed.height for route in placed.routes for x, y in route.points)


def test_lines_are_straight_and_cross_no_card(placed):
    for route in placed.routes:
        for x, to_x, y, to_y in segments(route):
            assert x == to_x or y == to_y
            for card in placed.cards:
                crosses = x < card.x + card.width and to_x > card.x and y < card.y + card.height and to_y > card.y
                assert not crosses, f"{route.box.title} to {route.target} runs through {card.box.title}"


def test_lines_to_different_states_never_lie_on_each_other(placed):
    for one, other in combinations(placed.routes, 2):
        if one.target == other.target:
            continue
        for x, to_x, y, to_y in segments(one):
            for x2, to_x2, y2, to_y2 in segments(other):
                along = (y == to_y == y2 == to_y2 and max(x, x2) < min(to_x, to_x2)) or (
                    x == to_x == x2 == to_x2 and max(y, y2) < min(to_y, to_y2)
                )
                assert not along, f"{one.box.title} to {one.target}, {other.box.title} to {other.target}"


def test_every_line_leads_from_its_card_to_its_target(placed):
    expected = [(card.box.key, target) for card in placed.cards for target in card.box.edges]
    assert [(route.box.key, route.target) for route in placed.routes] == expected
    for route in placed.routes:
        source, target = next(card for card in placed.cards if card.box is route.box), placed.card(route.target)
        (x, y), (to_x, to_y) = route.points[0], route.points[-1]
        assert y == source.y + source.height or x == source.x + source.width
        assert source.x <= x <= source.x + source.width
        assert to_y == target.y or to_x == target.x
        assert target.x <= to_x < target.x + target.width


def test_text_fits_its_card(placed):
    for card in placed.cards:
        assert len(card.box.title) * TITLE_CHARACTER + 2 * PADDING <= card.width + 1
        assert all(len(text) * CHARACTER + 2 * PADDING <= card.width + 1 for section in card.sections for text in section.texts)
        assert all(section.y + section.height <= card.height for section in card.sections)


# --- the picture --------------------------------------------------------------------------------------------------------------


def texts(picture):
    return [element.text for element in picture.iter(f"{SVG}text")]


def test_every_row_can_be_read(table, picture):
    shown = view(table)
    for box in shown.boxes:
        for line in box.lines:
            assert line.text in texts(picture) or {line.condition, f"    / {line.action}"} <= set(texts(picture))
    assert {box.title for box in shown.boxes} <= set(texts(picture))


def test_every_line_says_in_its_tooltip_what_it_stands_for(table, picture):
    tooltips = [element.text for element in picture.iter(f"{SVG}title")]
    for box in view(table).boxes:
        for target, lines in box.edges.items():
            assert f"{box.title} to {target}:\n" + "\n".join(line.text for line in lines) in tooltips


def test_it_has_a_name_and_a_description_for_those_who_do_not_see(table, picture):
    assert (picture.get("role"), picture.get("aria-labelledby")) == ("img", "title about")
    assert picture.find(f"{SVG}title").text == f"State machine {table.name}"
    assert picture.find(f"{SVG}desc").text.startswith('What it is for: "a < b & c". ')


def test_it_loads_and_runs_nothing(picture):
    used = {element.tag.removeprefix(SVG) for element in picture.iter()}
    assert used <= {"svg", "title", "desc", "style", "rect", "text", "path", "g", "circle"}
    assert not any(name.startswith("on") or "href" in name for element in picture.iter() for name in element.attrib)
    assert "url(" not in picture.find(f"{SVG}style").text


def test_each_target_has_a_colour_of_its_own(placed, picture):
    strokes = [element.get("stroke") for element in picture.iter(f"{SVG}g") if element.get("stroke")]
    colours = dict(zip([route.target for route in placed.routes], strokes, strict=True))
    assert len(set(colours.values())) == len(colours)


def test_drawing_twice_gives_the_same_bytes(table):
    assert to_svg(table) == to_svg(table)
