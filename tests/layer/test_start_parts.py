"""Classes made once, parts of modules that come late, constants as numbers, what stands for `logging` and `re`: beside the plain start."""

import ast

import pytest

from layer import late_parts, made_once

# --- classes that are made once


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("@attrs.frozen\nclass A: pass", 'class A(metaclass=__loader__.making("frozen", type)): pass'),
        ("@attr.s(eq=False)\nclass A(B): pass", 'class A(B, metaclass=__loader__.making("s", type, eq=False)): pass'),
        ("@final\n@attrs.define\nclass A(B, metaclass=M): pass", '@final\nclass A(B, metaclass=__loader__.making("define", M)): pass'),
        ("@attrs.define\n@final\nclass A: pass", "@attrs.define\n@final\nclass A: pass"),
        ("@define\nclass A: pass", "@define\nclass A: pass"),
        ("@other.frozen\nclass A: pass", "@other.frozen\nclass A: pass"),
    ],
)
def test_a_class_is_made_where_its_metaclass_is_named(source, made):
    assert ast.dump(made_once.moved(ast.parse(source))) == ast.dump(ast.parse(made))


def test_a_class_that_was_not_recorded_is_made_by_attrs_there_too(start):
    code = """
import attrs
class Base:
    def __init_subclass__(cls, of):
        cls.of = of
text = '''
class Kind(Base, metaclass=__loader__.making("frozen", type), of=1):
    x: int = 1
    def own(self):
        return __class__
'''
names = {"__name__": "elsewhere", "__loader__": archive, "Base": Base}
exec(text.replace(", of=1", ""), names | {"Base": object}, found := {"__module__": "elsewhere"})
Kind = found["Kind"]
print(Kind() == Kind(1), Kind().own() is Kind, Kind.__slots__, hash(Kind()) == hash(Kind(1)))
"""
    assert start(code) == "True True ('x', '__weakref__') True\n"


def test_no_class_of_a_start_is_made_twice(start):
    assert (
        start("""
import reactor.__main__, reactor.hand_over, reactor.run
def below(cls):
    for one in type.__subclasses__(cls):
        yield one
        yield from below(one)
names = [f"{cls.__module__}.{cls.__qualname__}" for cls in set(below(object)) if cls.__module__ == "fsm.events"]
print(len(names) > 30, len(names) - len(set(names)))
""")
        == "True 0\n"
    )


# --- what comes late of a module

ALL_LATE = """
import importlib, reactor.__main__, reactor.hand_over, reactor.run, fsm.on_demand, fsm.invocation
for name, names in sorted(LATE.items()):
    module = importlib.import_module(name)
    for key in names:
        value = getattr(module, key)
        print(name, key, type(value).__name__, getattr(value, "__module__", None), getattr(value, "__qualname__", None))
"""


def late_names(start):
    return ast.literal_eval(start("print({name: names.split() for name, (_, _, names) in archive._late.items()})"))


def test_what_comes_late_is_what_it_would_have_been(start):
    late = late_names(start)
    assert sum(map(len, late.values())) > 60
    assert {"SocketKind", "getfqdn"} <= set(late["socket"])
    code = f"LATE = {late!r}\n" + ALL_LATE
    quick, plain = start(code).splitlines(), start(code, plain=True).replace("_ProtocolMeta", "type").splitlines()
    for ours, theirs in zip(quick, plain, strict=True):
        if ours.startswith("trio"):  # which gives what it offers its own name as soon as it has it
            ours, theirs = ours.split()[:2], theirs.split()[:2]
        assert ours == theirs


def test_a_start_reads_nothing_of_what_comes_late(start):
    code = "import reactor.__main__, reactor.hand_over, reactor.run, fsm.on_demand, fsm.invocation, ssl\n"
    assert start("before = set(archive._late)\n" + code + "print(before - set(archive._late))") == "set()\n"


def test_what_comes_late_is_found_in_every_way_and_only_once(alike):
    assert alike("""
import socket, threading, collections
from threading import Barrier, Timer
from collections import UserDict
print(Barrier is threading.Barrier, Timer.__mro__[1] is threading.Thread, UserDict(a=1), hasattr(socket, "create_server"))
print(hasattr(socket, "nonsense"), collections.deque, collections.Counter("aab"))
try:
    threading.nonsense
except AttributeError as error:
    print(error)
try:
    from threading import nonsense
except ImportError:
    print("refused")
""").endswith("refused\n")


def split(**sources):
    trees = {name: ast.parse(source) for name, source in sources.items()}
    late = late_parts.split(trees)
    return {name: names.split() for name, (names, _) in late.items()}, {name: ast.unparse(tree) for name, tree in trees.items()}


def test_only_what_nobody_speaks_of_comes_late():
    late, kept = split(
        one="import two\ndef used(): return helper()\ndef helper(): pass\ndef unused(): return late()\ndef late(): pass\ntwo.f(used)",
        two="def f(x): pass\ndef g(): pass\nclass C(D): pass\n@registered\ndef h(): pass\nIntEnum._convert_('E', __name__, f)",
    )
    assert late == {"one": ["unused", "late"], "two": ["g", "C", "E"]}
    assert "def h" in kept["two"]
    assert "def helper" in kept["one"]


@pytest.mark.parametrize(
    "source",
    [
        "def f(): pass\nf()",
        "def f(): pass\nf = 1",
        "def f(): pass\ntry:\n    from _c import f\nexcept ImportError:\n    pass",
        "def f(): pass\ndef g():\n    global f\ng()",
        "def f(): pass\ndef __getattr__(name): pass",
        "def f(): pass\nclass A:\n    x = f\nA",
        "class A: pass\ndel A",
    ],
)
def test_what_has_a_second_meaning_stays(source):
    assert split(one=source)[0] == {}


def test_a_module_of_which_all_is_imported_stays_as_it_is():
    assert split(one="from .two import *", two="def f(): pass")[0] == {}


# --- constants as numbers


def test_constants_are_equal_and_enumerations_there_when_they_are_asked_for(alike):
    assert alike("""
import signal, socket, trio
with socket.socket() as sock:
    print(sock.family == socket.AF_INET == 2, sock.type == socket.SOCK_STREAM == 1, socket.MSG_PEEK + 0)
print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL == 0, signal.signal(signal.SIGTERM, print) == signal.SIG_DFL)
print(signal.getsignal(signal.SIGTERM) is print, 15 in signal.valid_signals(), 15 in signal.pthread_sigmask(signal.SIG_BLOCK, [15]))
print([item[:3] == (2, 1, 6) for item in socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)])
print(repr(socket.AddressFamily.AF_INET), repr(socket.AddressFamily(2)), repr(signal.Signals(15)), repr(signal.Handlers.SIG_DFL))
with socket.socket() as sock:
    print(repr(sock.family), repr(signal.getsignal(signal.SIGCHLD)), socket.SocketKind["SOCK_DGRAM"] == trio.socket.SOCK_DGRAM)
async def main():
    one, two = trio.socket.socketpair()
    await one.send(b"x")
    print(await two.recv(1), one.type == trio.socket.SOCK_STREAM)
    one.close()
    two.close()
trio.run(main)
""").endswith("b'x' True\n")


# --- trio's loop, without random and sorted dictionaries


def test_tasks_that_wait_for_all_others_go_on_in_the_order_of_their_patience(alike):
    assert (
        alike("""
import trio, trio.testing
async def main():
    async with trio.open_nursery() as nursery:
        async def wait(cushion):
            await trio.testing.wait_all_tasks_blocked(cushion)
            print(cushion)
        for cushion in (0.06, 0.0, 0.03):
            nursery.start_soon(wait, cushion)
        with trio.move_on_after(0.01):
            await trio.testing.wait_all_tasks_blocked(0.5)
trio.run(main)
""")
        == "0.0\n0.03\n0.06\n"
    )


def test_trios_generator_draws_within_its_bounds_and_shuffles_all(start):
    assert (
        start("""
from trio._core import _run
drawn = [_run._r.uniform(10, 20) for _ in range(1000)]
print(10 <= min(drawn) < 11, 19 < max(drawn) <= 20, len(set(drawn)) > 990)
seen = set()
for _ in range(1000):
    _run._r.shuffle(order := [1, 2, 3])
    seen.add(tuple(order))
print(len(seen))
_run._r.seed(1)
first = _run._r.random()
_run._r.seed(1)
print(first == _run._r.random())
""")
        == "True True True\n6\nTrue\n"
    )


# --- what stands for logging and for re


def test_lines_of_libraries_come_out_through_the_handler_that_was_set_before(alike):
    assert (
        alike("""
import logging
from reactor import run
from reactor.say import Voice
early = logging.getLogger("early")
run._hear_libraries(Voice("debug"))
import logging as again
again.getLogger("late").info("not said")
early.error("failed: %s", 7)
early.setLevel(logging.INFO)
early.info("said")
import logging
logging.getLogger("x").warning("the same")
print(logging.getLogger("early").level, logging.getLevelName(30), isinstance(logging.getLogger("y"), logging.Logger), flush=True)
""").count("DD_EXTENSION")
        == 3
    )


def test_a_start_needs_nothing_of_logging_and_of_patterns_but_the_stand_ins(start):
    assert (
        start("""
import logging, re, reactor.__main__, reactor.run, reactor.hand_over, fsm.on_demand, fsm.invocation
print(logging._real, logging.__spec__.origin.endswith("logging_ahead.py"), re._real, re.__spec__.origin.endswith("re_ahead.py"))
""")
        == "[] True [] True\n"
    )


def test_flags_of_patterns_are_those_of_re(alike):
    assert alike("""
import re
print([int(getattr(re, name)) for name in "ASCII DEBUG IGNORECASE LOCALE MULTILINE DOTALL UNICODE VERBOSE NOFLAG A I L M S U X".split()])
import h11._readers
print(isinstance(h11._readers.request_line_re, re.Pattern), re.compile(h11._readers.request_line_re) is h11._readers.request_line_re)
print(re.compile("(?i)a|b").findall("AxB"), re.escape("a.b"), re.error.__name__, int(re.RegexFlag.I | re.M))
""")
