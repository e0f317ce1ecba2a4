"""The one import rule: places only use what stands above them. Imports inside functions count, and so do names given to `import_module`."""

import ast
import sys
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).parents[1]
STDLIB = sys.stdlib_module_names | {"_sha2", "_sha256"}  # each there in some versions
SOCKETS_AND_CLOCKS = frozenset({"socket", "ssl", "select", "selectors", "time", "asyncio", "threading", "subprocess", "http", "urllib"})
EMULATOR_PROTOCOLS = ("protocols.http_server", "protocols.http_client", "protocols.errors", "protocols.fixture")


@attrs.frozen
class Place:
    """What a folder may import besides itself: our modules and packages from outside, by prefix; and the standard library but `never`."""

    ours: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    never: frozenset[str] = frozenset()

    def allows(self, module: str, own: str) -> bool:
        root = module.partition(".")[0]
        if root in STDLIB:
            return root not in self.never and not any(is_within(module, banned) for banned in self.never)
        return any(is_within(module, allowed) for allowed in (own, *self.ours, *self.outside))


# A file belongs to the longest path that it stands under.
PLACES = {
    "fsm": Place(outside=("attrs",), never=SOCKETS_AND_CLOCKS | {"os", "logging", "random"}),
    "protocols": Place(outside=("attrs", "h11", "msgpack", "google.protobuf"), never=SOCKETS_AND_CLOCKS - {"urllib"} | {"urllib.request"}),
    "pipelines": Place(
        ours=("fsm.time", "protocols"), outside=("attrs",), never=SOCKETS_AND_CLOCKS - {"urllib"} | {"urllib.request", "random"}
    ),
    "reactor/config": Place(outside=("attrs", "yaml"), never=SOCKETS_AND_CLOCKS - {"urllib"} | {"urllib.request", "random"}),
    "reactor/agent": Place(
        ours=("fsm", "protocols", "pipelines", "reactor.config"),
        outside=("attrs", "backports", "compression"),
        never=SOCKETS_AND_CLOCKS - {"urllib"} | {"urllib.request", "random"},
    ),
    "reactor/net": Place(ours=("fsm.time", "protocols"), outside=("attrs", "trio"), never=frozenset({"asyncio", "threading"})),
    "reactor": Place(
        ours=("fsm", "protocols", "pipelines", "reactor"),
        outside=("attrs", "trio", "backports", "compression"),
        never=frozenset({"asyncio", "threading"}),
    ),
    "emulator": Place(
        ours=("reactor.net", "fsm.engine", "fsm.regions", "fsm.time", *EMULATOR_PROTOCOLS),
        outside=("attrs", "trio", "msgpack", "google.protobuf", "backports", "compression"),
        never=frozenset({"asyncio", "threading"}),
    ),
    "cli": Place(
        ours=("fsm", "protocols", "pipelines", "reactor", "emulator", "demo"),
        outside=("attrs", "trio", "yaml"),
        never=frozenset({"asyncio", "threading"}),
    ),
}
# One file, what it may import besides, and why. An exception that is not needed any more fails too.
EXCEPTIONS = {
    "pipelines/patterns.py": {"re2"},  # optional, only loaded where a configuration has patterns
    "reactor/agent/wiring.py": {"reactor.version"},  # a constant
    "reactor/agent/requests.py": {"reactor.version"},  # the same
    "reactor/warm_up.py": {"?"},  # loads early, by name, what other modules import where they use it
}
LAYER = tuple(place for place in PLACES if place not in ("emulator", "cli"))


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def imports(source: str, package: str) -> set[str]:
    """Full names of all modules that a source text imports, wherever in it; `package` is where relative names begin."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= from_names(node, package)
        elif isinstance(node, ast.Call) and name_of(node.func) in ("import_module", "__import__"):
            found.add(literal_prefix(node.args[0]))
    return found


def from_names(node: ast.ImportFrom, package: str) -> set[str]:
    """`from x import y` may name the module x.y; whether it does only the file system knows."""
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    base = ".".join([*above, *([node.module] if node.module else [])])
    return {f"{base}.{alias.name}" if is_module(f"{base}.{alias.name}") else base for alias in node.names}


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def literal_prefix(argument: ast.expr) -> str:
    """The name that is imported, or the package that it begins with; a name that nobody can see is a name that is not allowed."""
    if isinstance(argument, ast.JoinedStr):
        argument = argument.values[0]
    text = argument.value if isinstance(argument, ast.Constant) else "?"
    return str(text).rstrip(".")


def place_of(path: Path) -> str:
    within = path.relative_to(ROOT).as_posix()
    return max((place for place in PLACES if within.startswith(place + "/")), key=len)


def package_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).parent.parts)


FILES = [path for top in sorted({place.partition("/")[0] for place in PLACES}) for path in sorted((ROOT / top).rglob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_only_uses_what_stands_above_it(path):
    place = place_of(path)
    own = place.replace("/", ".")
    wrong = {name for name in imports(path.read_text(), package_of(path)) if not PLACES[place].allows(name, own)}
    assert wrong == EXCEPTIONS.get(path.relative_to(ROOT).as_posix(), set()), f"{place} may not import these"


def test_every_exception_is_a_file():
    assert set(EXCEPTIONS) <= {path.relative_to(ROOT).as_posix() for path in FILES}


@pytest.mark.parametrize("path", sorted((ROOT / "reactor/config").glob("*.py")), ids=lambda path: path.name)
def test_yaml_is_only_imported_where_there_is_yaml_to_read(path):
    at_top = ast.Module([node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)], [])
    assert not any(is_within(name, "yaml") for name in imports(ast.unparse(at_top), package_of(path)))


# --- the rule itself ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", LAYER)
@pytest.mark.parametrize("module", ["emulator", "emulator.platform", "cli", "cli.main", "tests"])
def test_nothing_in_the_layer_may_use_what_is_never_in_it(place, module):
    assert not PLACES[place].allows(module, place.replace("/", "."))


@pytest.mark.parametrize(
    ("place", "module"),
    [
        ("fsm", "trio"),
        ("fsm", "time"),
        ("fsm", "protocols.errors"),
        ("protocols", "trio"),
        ("protocols", "ssl"),
        ("protocols", "fsm.engine"),
        ("pipelines", "random"),
        ("pipelines", "fsm.engine"),
        ("pipelines", "reactor.config"),
        ("reactor/config", "trio"),
        ("reactor/config", "reactor.agent.agent"),
        ("reactor/agent", "trio"),
        ("reactor/agent", "socket"),
        ("reactor/agent", "reactor.net.clock"),
        ("reactor/net", "pipelines.metrics.aggregate"),
        ("reactor", "urllib3"),
        ("reactor", "threading"),
        ("emulator", "protocols.intake_logs"),
        ("emulator", "protocols"),
        ("emulator", "pipelines.tags"),
        ("emulator", "fsm.on_demand"),
    ],
)
def test_what_stands_below_or_outside_is_not_allowed(place, module):
    assert not PLACES[place].allows(module, place.replace("/", "."))


@pytest.mark.parametrize(
    ("place", "module"),
    [
        ("fsm", "fsm.engine"),
        ("fsm", "html"),
        ("protocols", "google.protobuf.descriptor_pb2"),
        ("reactor/agent", "pipelines.tags"),
        ("reactor/net", "ssl"),
        ("reactor", "reactor.net.serve"),
        ("emulator", "protocols.http_client"),
        ("cli", "emulator.platform"),
    ],
)
def test_what_stands_above_is_allowed(place, module):
    assert PLACES[place].allows(module, place.replace("/", "."))


def test_a_prefix_is_a_whole_name():
    assert is_within("fsm.time", "fsm.time")
    assert is_within("fsm.time.deep", "fsm.time")
    assert not is_within("fsm.timers", "fsm.time")


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import trio", {"trio"}),
        ("import os.path as p, json", {"os.path", "json"}),
        ("def f():\n    from time import sleep", {"time"}),
        ("async def f():\n    import ssl", {"ssl"}),
        ("try:\n    import a\nexcept ImportError:\n    import b", {"a", "b"}),
        ("if TYPE_CHECKING:\n    import trio", {"trio"}),
        ("from fsm import engine, nothing_like_this", {"fsm.engine", "fsm"}),
        ("from . import clock", {"reactor.net.clock"}),
        ("from .clock import Clock", {"reactor.net.clock"}),
        ("from ..config import settings", {"reactor.config.settings"}),
        ("importlib.import_module('trio.testing')", {"trio.testing"}),
        ("import_module(f'fsm.{name}')", {"fsm"}),
        ("__import__('socket')", {"socket"}),
        ("import_module(name)", {"?"}),
    ],
)
def test_every_way_to_import_is_seen(source, names):
    assert imports(source, "reactor.net") == names


@pytest.mark.parametrize(
    ("path", "place"), [("reactor/stage0.py", "reactor"), ("reactor/net/clock.py", "reactor/net"), ("fsm/engine.py", "fsm")]
)
def test_a_file_belongs_to_the_innermost_place(path, place):
    assert place_of(ROOT / path) == place


def test_every_place_has_files():
    assert {place_of(path) for path in FILES} == set(PLACES)
