from enum import Enum

import attrs
import pytest

from fsm.engine import Machine, Row, Table, Unexpected, nothing
from fsm.regions import CASCADE_MAX, Join, Keyed, Regions


class Light(Enum):
    OFF = "OFF"
    ON = "ON"


@attrs.frozen
class Pressed:
    times: int = 1


@attrs.frozen
class Lit:
    """Effect."""

    by: int


@attrs.frozen
class Told:
    by: int
    cause: object


@attrs.frozen
class Released:
    key: str = ""


def light(data, event):
    return data + 1, (Lit(event.times), "bright")


def dim(data, event):
    return data, ("dim",)


LAMP = Table(
    "lamp",
    Light.OFF,
    frozenset(),
    {
        (Light.OFF, Pressed): (Row(Light.ON, light),),
        (Light.ON, Pressed): (Row(Light.OFF, dim),),
        (Light.OFF, Told): (Row(Light.ON, dim),),
        (Light.ON, Told): (Row(Light.ON, nothing),),
    },
    {},
)


def told(effect, cause):
    return Told(effect.by, cause)


def lamps(*joins):
    return Regions({name: Machine(LAMP, 0) for name in ("hall", "stairs", "attic")}, joins)


def test_effects_leave_with_the_name_of_their_region():
    assert lamps().feed("hall", Pressed(3)) == (("hall", Lit(3)), ("hall", "bright"))


def test_a_joined_effect_is_consumed_and_becomes_an_event_of_the_target():
    regions = lamps(Join("hall", Lit, "stairs", told))
    assert regions.feed("hall", Pressed(3)) == (("hall", "bright"), ("stairs", "dim"))
    assert regions.machines["stairs"].state is Light.ON


def test_the_target_is_told_the_effect_and_its_cause():
    seen = []
    regions = lamps(Join("hall", Lit, "stairs", lambda effect, cause: seen.append((effect, cause)) or Told(0, None)))
    regions.feed("hall", Pressed(3))
    assert seen == [(Lit(3), Pressed(3))]


def test_one_effect_may_tell_several_regions_in_the_order_of_the_table():
    regions = lamps(Join("hall", Lit, "attic", told), Join("hall", Lit, "stairs", told))
    assert regions.feed("hall", Pressed()) == (("hall", "bright"), ("attic", "dim"), ("stairs", "dim"))


def test_the_same_effect_of_another_region_is_no_matter_of_the_join():
    regions = lamps(Join("hall", Lit, "stairs", told))
    assert regions.feed("attic", Pressed(2)) == (("attic", Lit(2)), ("attic", "bright"))


def test_what_a_region_does_not_expect_leaves_with_its_name():
    assert lamps().feed("hall", 7) == (("hall", Unexpected("lamp", "Light.OFF", "int")),)


@attrs.frozen
class Count:
    left: int


def count_down(data, event):
    return data + 1, ((Count(event.left - 1),) if event.left else ("zero",))


class Only(Enum):
    ONE = "ONE"


def counter():
    table = Table("counter", Only.ONE, frozenset(), {(Only.ONE, Count): (Row(Only.ONE, count_down),)}, {})
    return Regions({"counter": Machine(table, 0)}, (Join("counter", Count, "counter", lambda effect, cause: effect),))


def test_a_cascade_up_to_the_bound_runs_to_its_end():
    regions = counter()
    assert regions.feed("counter", Count(CASCADE_MAX - 1)) == (("counter", "zero"),)
    assert regions.machines["counter"].data == CASCADE_MAX


def test_a_circle_in_the_join_table_is_found_and_does_not_hang():
    regions = counter()
    with pytest.raises(AssertionError, match="more than 64 joins"):
        regions.feed("counter", Count(CASCADE_MAX))
    assert regions.machines["counter"].data == CASCADE_MAX


# --- one sub-machine per key --------------------------------------------------------------------------------------------------


class Guest(Enum):
    IN = "IN"
    OUT = "OUT"


@attrs.frozen
class Greeted:
    pass


@attrs.frozen
class Evicted:
    key: str
    cause: object


def greet(data, event):
    return data, (f"hello {data}",)


def leave(data, event):
    return data, (f"bye {data}",)


def push_out(data, event):
    return data, (f"out {data} for {event.cause!r}",)


GUEST = Table(
    "guest",
    Guest.IN,
    frozenset({Guest.OUT}),
    {
        (Guest.IN, Greeted): (Row(Guest.IN, greet),),
        (Guest.IN, Released): (Row(Guest.OUT, leave),),
        (Guest.IN, Evicted): (Row(Guest.OUT, push_out),),
    },
    {},
)


def guests(limit=2, watch=None):
    return Keyed(GUEST, str.upper, limit, Evicted, watch)


def test_the_first_event_for_a_key_makes_its_machine_with_data_of_its_own():
    keyed = guests()
    assert keyed.feed("a", Greeted()) == ("hello A",)
    assert ("a" in keyed, "b" in keyed, len(keyed)) == (True, False, 1)


def test_keys_do_not_share_a_state():
    keyed = guests()
    keyed.feed("a", Greeted())
    keyed.feed("b", Greeted())
    keyed.feed("a", Released())
    assert ("a" in keyed, "b" in keyed) == (False, True)


def test_a_machine_that_ends_is_forgotten_and_made_anew_when_needed():
    keyed = guests()
    assert keyed.feed("a", Released()) == ("bye A",)
    assert len(keyed) == 0
    assert keyed.feed("a", Greeted()) == ("hello A",)


def test_a_key_too_many_evicts_the_oldest_whose_effects_come_first():
    keyed = guests()
    keyed.feed("a", Greeted())
    keyed.feed("b", Greeted())
    keyed.feed("a", Greeted())  # age counts from the beginning, not from the last word
    assert keyed.feed("c", Greeted()) == ("out A for Greeted()", "hello C")
    assert list(keyed.live) == ["b", "c"]


def test_a_known_key_evicts_nobody():
    keyed = guests(limit=1)
    keyed.feed("a", Greeted())
    assert keyed.feed("a", Greeted()) == ("hello A",)


def test_one_who_does_not_understand_the_eviction_is_forgotten_all_the_same():
    keyed = Keyed(GUEST, str.upper, 1, lambda key, cause: 7)
    keyed.feed("a", Greeted())
    assert keyed.feed("b", Greeted()) == (Unexpected("guest", "Guest.IN", "int"), "hello B")
    assert list(keyed.live) == ["b"]


def test_an_event_for_all_goes_to_the_oldest_first_and_may_end_them():
    keyed = guests(limit=3)
    for key in "bca":
        keyed.feed(key, Greeted())
    assert keyed.feed_all(Released) == ("bye B", "bye C", "bye A")
    assert len(keyed) == 0


def test_who_watches_sees_the_rows_of_every_key():
    steps = []
    keyed = guests(watch=steps.append)
    keyed.feed("a", Greeted())
    keyed.feed("b", Released())
    assert [(step.machine, step.effects) for step in steps] == [("guest", ("hello A",)), ("guest", ("bye B",))]
