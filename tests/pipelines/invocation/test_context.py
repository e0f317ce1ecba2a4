"""The rows of the specification on the buffer of contexts (invocation 3.1)."""

from pipelines.invocation import context as module
from pipelines.invocation.context import Contexts


def contexts_of(*names):
    contexts = Contexts()
    for name in names:
        contexts.begin(name, 1, {})
    return contexts


def test_the_oldest_goes_when_there_is_no_room(monkeypatch):
    monkeypatch.setattr(module, "CONTEXTS_MAX", 2)
    contexts = contexts_of("1", "2", "3")
    assert len(contexts) == 2
    assert [name in contexts for name in "123"] == [False, True, True]


def test_one_is_taken_out_once():
    contexts = contexts_of("1", "2")
    assert contexts.drop("1").request_id == "1"
    assert len(contexts) == 1
    assert contexts.drop("unknown") is None
    assert contexts.get("unknown") is None


def test_the_start_of_an_invocation_is_that_of_its_record_whichever_is_read_first():
    contexts = contexts_of("1")
    contexts.platform_start("1", 100)
    assert contexts.get("1").start_ns == 100
    contexts.platform_start("2", 200)
    assert contexts.begin("2", 1, {}).start_ns == 200


def test_a_record_that_comes_twice_does_not_move_the_start():
    contexts = contexts_of("1")
    contexts.platform_start("1", 100)
    contexts.platform_start("1", 300)
    assert contexts.get("1").start_ns == 100


def test_times_that_nobody_comes_for_are_bounded(monkeypatch):
    monkeypatch.setattr(module, "STARTS_MAX", 2)
    contexts = Contexts()
    for number in range(3):
        contexts.platform_start(str(number), number + 1)
    assert [contexts.begin(str(number), 1, {}).start_ns for number in range(3)] == [0, 2, 3]


def test_a_call_that_comes_first_makes_the_context_that_the_invocation_begins_in():
    contexts = Contexts()
    early = contexts.need("1")
    assert contexts.begin("1", 7, {"cold_start": "true"}) is early
    assert (early.created_ns, early.is_begun) == (7, True)
    assert contexts.begin("1", 8, {}) is not early


def test_bytes_are_given_back(monkeypatch):
    monkeypatch.setattr(module, "BYTES_MAX", 100)
    contexts = contexts_of("1", "2")
    assert contexts.charge(contexts.get("1"), 60)
    assert not contexts.charge(contexts.get("2"), 60)
    contexts.drop("1")
    assert contexts.charge(contexts.get("2"), 60)
    assert contexts.bytes == 60
