"""What makes a start quick must not make it different: each trick beside the plain start, with the versions that are installed.

A new version of trio, attrs or h11 that a trick was not written for fails here.
"""

import ast
import re
import sysconfig
from pathlib import Path

import pytest

from layer import trio_front
from layer.attrs_record import has_cell_of
from layer.shape import ShapeError

SITE = Path(sysconfig.get_paths()["purelib"])


# --- trio's front


def public(path):
    """What a module of trio offers, by its source."""
    tree = ast.parse((SITE / path).read_text())
    return sorted(
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
        if not (alias.asname or alias.name).startswith("_") and alias.name != "*" and alias.name not in ("testing", "fixup_module_metadata")
    )


@pytest.mark.parametrize(("module", "path"), [("trio", "trio/__init__.py"), ("trio.lowlevel", "trio/lowlevel.py")])
def test_whatever_trio_offers_is_found_when_it_is_asked_for(alike, module, path):
    names = [name for name in public(path) if "windows" not in name.lower()]
    assert len(names) > 20
    code = f"""
import {module} as module
for name in {names!r}:
    found = getattr(module, name, None)
    print(name, getattr(found, "__module__", None), type(found).__name__)
"""
    printed = alike(code)
    assert "SSLStream trio" in printed or module != "trio"


def test_a_name_that_trio_has_not_is_still_an_error(alike):
    assert "no attribute 'nonsense'" in alike("""
import trio
try:
    trio.nonsense
except AttributeError as error:
    print(error)
""")


@pytest.mark.parametrize("name", trio_front.CHANGED)
def test_a_module_that_has_changed_its_shape_is_refused(name):
    _, change = trio_front.CHANGED[name]
    with pytest.raises(ShapeError):
        change("value = 1\n")


def test_what_costs_is_not_loaded_by_a_start(start):
    loaded = set(start("import reactor.__main__, reactor.run, reactor.hand_over; print(*sorted(sys.modules))").split())
    assert "reactor.process" in loaded
    assert not loaded & {
        "ssl",
        "ctypes",
        "subprocess",
        "pathlib",
        "ast",
        "dis",
        "attr._make",
        "trio._dtls",
        "trio._ssl",
        "trio._subprocess",
        "re._parser",
        "random",
        "sortedcontainers",
        "string",
    }


def test_tls_streams_work_all_the_same(alike):
    assert alike("""
import trio, ssl
async def main():
    one, two = trio.testing.memory_stream_pair()
    stream = trio.SSLStream(one, ssl.create_default_context(), server_hostname="x")
    with trio.move_on_after(0.01):
        await stream.do_handshake()
    return (await two.receive_some(3)).hex()
import trio.testing
print(trio.run(main))
""").startswith("1603")


def test_threads_and_names_are_looked_up(alike):
    assert (
        alike("""
import trio
async def main():
    print(await trio.to_thread.run_sync(lambda: 7))
    print((await trio.socket.getaddrinfo("127.0.0.1", 80))[0][4])
    with trio.move_on_after(0.001) as scope:
        await trio.sleep_forever()
    print(scope.cancelled_caught)
trio.run(main)
""")
        == "7\n('127.0.0.1', 80)\nTrue\n"
    )


def test_h11s_events_behave_as_data_classes(alike):
    assert "cannot assign to field" in alike("""
import h11
made = [h11.Request(method="GET", target="/", headers=[("Host", "a")]), h11.Response(status_code=200, headers=[]), h11.Data(data=b"x")]
made += [h11.EndOfMessage(), h11.ConnectionClosed(), h11.InformationalResponse(status_code=100, headers=[])]
for event in made:
    print(event, event == event, event == made[2], type(event).__hash__ is None, type(event).__match_args__)
    for change in (lambda: setattr(event, "headers", 1), lambda: setattr(event, "new", 1), lambda: delattr(event, "headers")):
        try:
            change()
        except AttributeError as error:
            print(type(error).__name__, error)
print(hash(h11.ConnectionClosed()) == hash(h11.ConnectionClosed()), h11.Data(data=b"x") == made[2])
""")


# --- classes of attrs made ahead

LOOK = """
import importlib
OF_TYPING = ("__orig_bases__", "__parameters__", "__subclasshook__", "_is_protocol")
LEFT_OUT = ("__attrs_props__", "__doc__", "__abstractmethods__", "_abc_impl", *OF_TYPING)
def look(name, cls):
    own = [key for key in sorted(cls.__dict__) if key not in LEFT_OUT]
    slots = cls.__dict__.get("__slots__")
    bases = [base for base in cls.__mro__ if base.__module__ != "typing"]
    print(name, own, slots, bases, cls.__hash__ is None, cls.__dict__.get("__match_args__"), cls.__init__.__code__.co_varnames)
    print([(one.name, one.alias, one.init, one.eq, one.repr, one.kw_only, repr(one.default)) for one in cls.__attrs_attrs__])
    print(cls.__init__.__defaults__, cls.__init__.__kwdefaults__)
import trio
for name, place in getattr(trio, "_LATER", {}).items():
    if place[0] != "._dtls":  # whose classes attrs makes
        getattr(trio, name)  # says from then on that it is trio's
for name in MODULES:
    module = importlib.import_module(name)
    late = getattr(module, "__getattr__", None)
    for key in getattr(late, "_names", "").split()[:1]:
        getattr(module, key)  # and with it all that comes late
    for key, value in sorted(vars(module).items()):
        if isinstance(value, type) and value.__module__ == name and "__attrs_attrs__" in value.__dict__:
            look(f"{name}.{key}", value)
"""
MODULES = [
    "fsm.events",
    "fsm.effects",
    "fsm.on_demand",
    "fsm.delivery",
    "reactor.config.values",
    "reactor.agent.inputs",
    "reactor.net.pool",
]
MODULES += [
    "trio._core._run",
    "trio._sync",
    "trio._channel",
    "trio._core._local",
    "outcome._impl",
    "protocols.extensions_api",
    "fsm.engine",
]


def without_addresses(text):
    """Nor with the place of trio's one sorted dictionary, which a trick makes itself."""
    return re.sub(r"0x[0-9a-f]+", "", text).replace("sortedcontainers.sorteddict.SortedDict", "trio._core._run.SortedDict")


def test_they_look_as_attrs_makes_them(start):
    code = f"MODULES = {MODULES!r}\n" + LOOK
    quick, plain = without_addresses(start(code)), without_addresses(start(code, plain=True))
    for ours, theirs in zip(quick.splitlines(), plain.splitlines(), strict=True):
        assert ours == theirs
    assert len(quick.splitlines()) > 300


def test_they_behave_as_attrs_makes_them(alike):
    printed = alike("""
import copy, pickle
import attrs, outcome, trio
from fsm.time import Now
from fsm import events, effects
from reactor.stage0 import HandOver
one, two = Now(1, 2), Now(1, 2)
print(one, one == two, one != two, hash(one) == hash(two), one == 3, attrs.evolve(one, mono_ms=5), {one: 1}[two])
print(copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one)), attrs.asdict(one))
for change in (lambda: setattr(one, "mono_ms", 3), lambda: delattr(one, "mono_ms"), lambda: setattr(one, "other", 3), lambda: Now(1)):
    try:
        change()
    except (AttributeError, TypeError) as error:
        print(type(error).__module__, type(error).__name__, error)
match events.Started(one):
    case events.Started(now):
        print("matched", now)
value, error = outcome.Value(3), outcome.Error(ValueError("x"))
print(value, error, value == outcome.Value(3), value < outcome.Value(4), value.unwrap())
try:
    value.unwrap()
except Exception as failure:
    print(type(failure).__name__)
try:
    outcome.Error("no exception")
except TypeError:
    print("refused")
try:
    trio.CancelScope(deadline=1, nonsense=2)
except TypeError as failure:
    print(failure)
print(type(trio.Event()).__qualname__, trio.Lock().statistics().locked)
""")
    assert "FrozenInstanceError" in printed
    assert "matched Now(epoch_ms=1, mono_ms=2)" in printed


def test_a_class_that_was_not_recorded_is_made_by_attrs(alike):
    assert alike("""
import attrs
from fsm.time import Now

@attrs.frozen
class Pair:
    one: int
    two: list = attrs.field(factory=list, repr=False)
    three: str = attrs.field(default="x", converter=str)

@attrs.define
class More(Now):
    count: int = attrs.field(default=0, validator=attrs.validators.instance_of(int))

print(Pair(1), Pair(1, [2]) == Pair(1), attrs.fields(Pair).two.name, More(1, 2), More(1, 2, 3) == More(1, 2, 3))
try:
    More(1, 2, "three")
except TypeError:
    print("refused")
""").endswith("refused\n")


def test_nearly_every_class_is_recorded(start, mini):
    """One that is not costs ten times as much at each start; those of DTLS are never made."""
    left = start("""
import attrs
made = []
import reactor.__main__, reactor.run, reactor.hand_over, fsm.on_demand, fsm.invocation
print("attr._make" in sys.modules)
""")
    assert left == "False\n"


# --- patterns, and modules of later


def test_patterns_made_ahead_are_those_that_re_compiles(alike):
    assert alike("""
import re, h11._abnf, h11._readers, h11._headers
import reactor.run
for module in (h11._readers, h11._headers):
    for name, value in sorted(vars(module).items()):
        if isinstance(value, re.Pattern):
            print(name, value.pattern, value.flags, value.groups, value.groupindex)
print(h11._readers.request_line_re.fullmatch(b"GET / HTTP/1.1").groupdict())
try:
    re.compile("(")
except re.error as error:
    print(error)
print(re.sub("a+", "b", "caat"), re.compile(r"(?P<x>.)\\\\1", re.I).match("Aa"))
""")


def test_modules_of_later_are_whole_when_they_are_used(alike):
    assert alike("""
import reactor.run, inspect, traceback, idna
print(inspect.iscoroutinefunction(reactor.run.main), type(inspect).__name__, inspect.__name__)
print(idna.encode("bücher.example").decode(), traceback.format_exception_only(ValueError("x")))
try:
    inspect.nonsense
except AttributeError as error:
    print(error)
""")


def test_an_archive_that_cannot_be_read_is_none(start, mini, tmp_path):
    for contents in (b"", b"\\0" * 8, b"\\xff" * 100, (mini / "start.bin").read_bytes()[:5000]):
        (tmp_path / "start.bin").write_bytes(contents)
        assert start(f"print(start['open_archive']({str(tmp_path)!r}))") == "None\n"
    assert start("print(start['open_archive']('/nowhere'))") == "None\n"


def test_functions_without_annotations_take_the_same_parameters(start):
    code = """
import inspect, reactor.run, trio, h11
names = sorted(name for name in sys.modules if name.partition(".")[0] in ("fsm", "protocols", "pipelines", "reactor", "trio", "h11"))
for name in names:
    for key, value in sorted(vars(sys.modules[name]).items()):
        if inspect.isfunction(value) and value.__module__ == name and key not in ("__getattr__", "dataclass"):  # of the tricks above
            kinds = [(one.name, one.kind.name, one.default is one.empty) for one in inspect.signature(value).parameters.values()]
            print(name, key, kinds)
print([name for name in ("reactor.run", "reactor.process", "trio._core._run") if vars(sys.modules[name]).get("__annotations__")])
"""
    quick, plain = start(code).splitlines(), start(code, plain=True).splitlines()
    assert len(quick) > 300
    assert set(quick[:-1]) <= set(plain), "fewer modules are loaded, and these are alike"
    assert quick[-1] == "[]"


def test_machine_code_is_loaded_from_where_the_index_says(start):
    code = """
import reactor.run, _typing, _queue, _contextvars, _json
for module in (_typing, _queue, _contextvars, _json):
    print(module.__name__, getattr(module, "__file__", None), type(module.__spec__.loader).__name__)
"""
    assert start(code) == start(code, plain=True)


def test_a_record_knows_whether_methods_name_their_class():
    class Naming:
        def method(self):
            return __class__

        @property
        def shown(self):
            return super().__repr__()

        @classmethod
        def make(cls):
            return super().__new__(cls)

        def silent(self):
            return self

    assert [name for name, value in vars(Naming).items() if has_cell_of(Naming, value)] == ["method", "shown", "make"]


# --- typing's stand-in, and named tuples


def test_typing_has_a_stand_in_that_classes_and_values_do_not_notice(alike):
    assert alike("""
import pickle, copy
from typing import Any, Callable, Dict, Generic, List, NamedTuple, Optional, Protocol, Sequence, TypeVar, Union, cast, final, overload
T = TypeVar("T")
K = TypeVar("K", bound="One")
class One(Generic[T]):
    __slots__ = ("value",)
class Two(One[int]):
    pass
class Three(One[T], Generic[T]):
    pass
class Four(Generic[T], One[T]):
    pass
class Shape(Protocol[K]):
    def area(self): ...
class Square(Shape[int]):
    def area(self):
        return 4
class Line(NamedTuple):
    text: str
    at_ms: int = 0
    def upper(self):
        return self.text.upper()
for cls in (One, Two, Three, Four, Square):
    print(cls.__name__, [base.__name__ for base in cls.__mro__], cls() is not None)
print(One[int]() is not None, Square().area(), Optional[T] is not None, (Union[int, str] | None) is not None)
print(cast(int, "x"), final(One) is One)
line = Line("a")
print(line, line.upper(), line == ("a", 0), line._replace(at_ms=3), line._asdict(), Line._fields, Line._field_defaults, Line.__match_args__)
print(pickle.loads(pickle.dumps(line)) == line, copy.copy(line), Line.__new__.__defaults__)
print(Line._make(["b", 1]), hash(line) == hash(("a", 0)))
for wrong in (lambda: Line(), lambda: Line("a", 1, 2), lambda: Line(txt="a"), lambda: setattr(line, "text", "b")):
    try:
        wrong()
    except (TypeError, AttributeError) as error:
        print(type(error).__name__)
print(isinstance([], List), isinstance({}, Dict), isinstance((), Sequence), isinstance(len, Callable))
@overload
def f(x: int): ...
def f(x):
    return x
print(f(3))
import typing
print(typing.get_args(typing.get_type_hints), typing.TYPE_CHECKING)
try:
    typing.nonsense
except AttributeError:
    print("an error all the same")
""").endswith("an error all the same\n")


def test_a_start_needs_nothing_of_typing_but_the_stand_in(start):
    """Whatever a new version asks for beyond it would load the real one as well."""
    assert (
        start("""
import typing, reactor.__main__, reactor.run, reactor.hand_over, fsm.on_demand, fsm.invocation
print(sys.modules["typing"] is typing, typing.__spec__.origin.endswith("typing_ahead.py"), typing._real)
""")
        == "True True []\n"
    )


def test_named_tuples_of_any_length_are_made_as_ever(alike):
    assert (
        alike("""
from collections import namedtuple
for size in (0, 1, 2, 15, 16, 17, 40):
    names = [f"field{at}" for at in range(size)]
    made = namedtuple("Made", names, defaults=[7] if size else None)
    code = made.__new__.__code__
    print(size, made(*range(size)), made.__new__.__defaults__, made.__new__.__qualname__, code.co_varnames, code.co_name, code.co_filename)
    try:
        made(*range(size + 1))
    except TypeError as error:
        print(error)
""").count("Made(")
        == 8 - 1
    )


# --- modules imported ahead, without the import system

AHEAD = """
import sys
before = set(sys.modules)
if not plain:
    archive.load_ahead()
    ahead = set(sys.modules) - before
import reactor.__main__, reactor.hand_over, reactor.run
OURS = ("fsm", "protocols", "pipelines", "reactor", "trio", "h11", "outcome", "sniffio", "sortedcontainers")
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] in OURS and type(module) is type(sys):
        spec, parent = module.__spec__, name.rpartition(".")[0]
        bound = not parent or getattr(sys.modules[parent], name.rpartition(".")[2]) is not None
        path = getattr(module, "__path__", None)
        print(name, module.__name__, module.__package__, spec.name, spec.parent, path, bound)
        print(name, module.__file__ == spec.origin, module.__cached__)
"""


def test_modules_that_are_imported_ahead_look_as_imported_ones(start):
    quick, plain = start(AHEAD).splitlines(), start(AHEAD, plain=True).splitlines()
    assert len(quick) > 100
    assert {line.split()[0] for line in quick} <= {line.split()[0] for line in plain}
    assert set(quick) - set(plain) == set()


def test_nearly_every_module_of_a_start_can_be_imported_ahead(start):
    """One that fails there, or a new circle, would leave all that follow to the import system."""
    code = AHEAD + "print(len(ahead), [name for name in archive._order if name not in sys.modules])"
    number, missing = start(code).splitlines()[-1].split(" ", 1)
    assert int(number) > 180
    assert missing == "[]"
    ahead = "print('reactor.run' in ahead, 'reactor.process' in ahead, 'trio' in ahead)"
    assert start(AHEAD + ahead).splitlines()[-1] == "True True True"


def test_a_module_that_fails_ahead_fails_again_where_it_is_imported(start):
    assert (
        start("""
load, tried = archive.load, []
def failing(module):
    tried.append(module.__name__)
    if module.__name__ == "reactor.spool":
        raise ImportError("broken")
    load(module)
archive.load = failing
archive.load_ahead()
print("reactor.spool" in sys.modules, "reactor.run" in sys.modules, tried[-1])
try:
    import reactor.run
except ImportError as error:
    print(error)
archive.load = load
import reactor.run
print(reactor.run.spool.__name__)
""")
        == "False False reactor.spool\nbroken\nreactor.spool\n"
    )
