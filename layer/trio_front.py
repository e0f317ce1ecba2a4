"""Modules of others, changed for a quick start: trio's public face imports a part when it is asked for it (TLS, DTLS, subprocesses, files).

Made from the syntax trees of their own sources. Each function raises ShapeError when the module does not look as it did: then the layer
is not built, and a test fails, before anybody starts it.
"""

import ast
from collections.abc import Callable

from layer import plain_numbers
from layer.shape import ShapeError

ALWAYS = ("_core", "_util", "_deprecate", "_version", "_abc", "_timeouts")  # what everything else of trio needs

LATER = """
def __getattr__(name):
    place = _LATER.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib
    value = getattr(importlib.import_module(place[0], "trio"), place[1])
    from trio._util import fixup_module_metadata
    fixup_module_metadata(__name__, {name: value})
    globals()[name] = value
    return value
"""

# A frozen data class whose fields are all in its annotations; it has no `__dataclass_fields__`.
DATA = """
def dataclass(*, frozen, init=True):
    def decorate(cls):
        names = tuple(dict.fromkeys(name for base in reversed(cls.__mro__) for name in base.__dict__.get("__annotations__", ())))
        def values(self):
            return tuple(getattr(self, name) for name in names)
        def __repr__(self):
            return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"
        def __eq__(self, other):
            return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented
        def __hash__(self):
            return hash(values(self))
        def __setattr__(self, name, value):
            if type(self) is cls or name in names:
                from dataclasses import FrozenInstanceError
                raise FrozenInstanceError(f"cannot assign to field {name!r}")
            super(cls, self).__setattr__(name, value)
        def __delattr__(self, name):
            if type(self) is cls or name in names:
                from dataclasses import FrozenInstanceError
                raise FrozenInstanceError(f"cannot delete field {name!r}")
            super(cls, self).__delattr__(name)
        made = {"__repr__": __repr__, "__eq__": __eq__, "__setattr__": __setattr__, "__delattr__": __delattr__, "__match_args__": names}
        if "__hash__" not in cls.__dict__:
            made["__hash__"] = __hash__
        for name, value in made.items():
            setattr(cls, name, value)
        return cls
    return decorate
"""


# Seeded by the system, as every generator of `random`.
RANDOM = """
import _random
class _Random(_random.Random):
    def uniform(self, a, b):
        return a + (b - a) * self.random()
    def shuffle(self, x):
        for i in range(len(x) - 1, 0, -1):
            j = int(self.random() * (i + 1))
            x[i], x[j] = x[j], x[i]
_r = _Random()
"""

# The few keys are put in order when somebody looks; the loop itself only looks whether there are any.
SORTED = """
class SortedDict(dict):
    def keys(self):
        return sorted(self)
    def peekitem(self, index):
        key = self.keys()[index]
        return key, self[key]
"""

NAMED_FIELDS = 16  # more are rare, and left as they are
MADE = "__new__ = eval(code, namespace)"
WRITTEN = "code = f'lambda _cls, {arg_list}: _tuple_new(_cls, ({arg_list}))'"


def _new_text(size: int) -> str:
    names = ", ".join(f"a{at}" for at in range(size))
    return f"lambda _cls, {names}: _tuple_new(_cls, ({names},))"


# Of a named tuple only the names differ: its `__new__` is one of these, with other names for its parameters.
NAMED = f"""
_NEWS = (None, {", ".join(map(_new_text, range(1, NAMED_FIELDS + 1)))})
def _new_of(field_names, code, namespace):
    if not 0 < len(field_names) < len(_NEWS):
        return eval(code, namespace)
    code = _NEWS[len(field_names)].__code__.replace(co_varnames=("_cls", *field_names), co_filename="<string>")
    return type(_new_of)(code, namespace)
"""


def front(source: str) -> ast.Module:
    """`trio/__init__.py`: what it takes from modules beside it, it takes later."""
    tree = ast.parse(source)
    later, kept = _split(tree, lambda module: module.startswith("_") and module not in ALWAYS)
    kept = [node for node in kept if not _is_empty_deprecation(node)]  # it would put its own __getattr__ in the place of ours
    if len(kept) != len(tree.body) - len(later) - 1 or len(later) < 10:
        raise ShapeError("trio/__init__.py")
    return _with_later(tree, kept, later)


def lowlevel(source: str) -> ast.Module:
    """`trio/lowlevel.py`: two things that start processes and use pipes."""
    tree = ast.parse(source)
    later, kept = _split(tree, lambda module: module in ("_subprocess", "_unix_pipes"))
    for branch in (node for node in kept if isinstance(node, ast.If)):
        for body in (branch.body, branch.orelse):
            inner = [node for node in body if isinstance(node, ast.ImportFrom) and node.module == "_unix_pipes"]
            later += inner
            body[:] = [node for node in body if node not in inner] or [ast.Pass()]
    if len(later) != 2:
        raise ShapeError("trio/lowlevel.py")
    return _with_later(tree, kept, later)


def thread_cache(source: str) -> ast.Module:
    """`trio/_core/_thread_cache.py`: threads get no name from the system's point of view, and nobody runs `ldconfig` to find out how."""
    tree = ast.parse(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "get_os_thread_name_func"]
    imports = [node for node in tree.body if isinstance(node, ast.Import) and node.names[0].name.startswith("ctypes")]
    if len(functions) != 1 or len(imports) != 2:
        raise ShapeError("trio/_core/_thread_cache.py")
    functions[0].body = [ast.Return(ast.Constant(None))]
    tree.body = [node for node in tree.body if node not in imports]
    return ast.fix_missing_locations(tree)


def plain_data(source: str) -> ast.Module:
    """`h11/_events.py`: seven frozen data classes, which it fills itself, without code that is written and compiled for each."""
    tree = ast.parse(source)
    imports = [node for node in tree.body if ast.unparse(node) == "from dataclasses import dataclass"]
    used = [ast.unparse(node.decorator_list[0]) for node in tree.body if isinstance(node, ast.ClassDef) and node.decorator_list]
    if len(imports) != 1 or sorted(used) != ["dataclass(frozen=True)"] + ["dataclass(init=False, frozen=True)"] * 6:
        raise ShapeError("h11/_events.py")
    at = tree.body.index(imports[0])
    tree.body[at : at + 1] = ast.parse(DATA).body
    return tree


def run(source: str) -> ast.Module:
    """`trio/_core/_run.py`: of `random` it needs little, of `sortedcontainers` a dictionary for tasks that wait for all others."""
    tree = ast.parse(source)
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    of_random = {node.attr for node in used if ast.unparse(node.value) == "_r"}
    of_idle = {node.attr for node in used if ast.unparse(node.value).endswith(".waiting_for_idle")}
    if of_random != {"uniform", "shuffle", "random"} or of_idle != {"keys", "peekitem"}:
        raise ShapeError("trio/_core/_run.py")
    _replace(tree, "import random", "")
    _replace(tree, "_r = random.Random()", RANDOM)
    _replace(tree, "from sortedcontainers import SortedDict", SORTED)
    return tree


def threads(source: str) -> ast.Module:
    """`trio/_threads.py`: its queues are looked up when there is a thread."""
    tree = ast.parse(source)
    factories = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and (node.arg, ast.unparse(node.value)) == ("factory", "stdlib_queue.SimpleQueue")
    ]
    if len(factories) != 2:
        raise ShapeError("trio/_threads.py")
    for factory in factories:
        factory.value = ast.parse("lambda: stdlib_queue.SimpleQueue()", mode="eval").body
    return ast.fix_missing_locations(tree)


def names_of_tuples(source: str) -> ast.Module:
    """`collections/__init__.py`: a named tuple without code that is written and compiled for it."""
    tree = ast.parse(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "namedtuple"]
    assigned = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Assign)]
    made = [node for node in assigned if ast.unparse(node) == MADE]
    if len(functions) != 1 or len(made) != 1 or WRITTEN not in map(ast.unparse, assigned):
        raise ShapeError("collections/__init__.py")
    made[0].value = ast.parse("_new_of(field_names, code, namespace)", mode="eval").body
    at = tree.body.index(functions[0])
    tree.body[at:at] = ast.parse(NAMED).body
    return ast.fix_missing_locations(tree)


CHANGED = {
    "collections": ("library/collections/__init__.py", names_of_tuples),
    "trio": ("site/trio/__init__.py", front),
    "trio.lowlevel": ("site/trio/lowlevel.py", lowlevel),
    "trio._core._thread_cache": ("site/trio/_core/_thread_cache.py", thread_cache),
    "h11._events": ("site/h11/_events.py", plain_data),
    "signal": ("library/signal.py", plain_numbers.of_signal),
    "socket": ("library/socket.py", plain_numbers.of_socket),
    "trio._socket": ("site/trio/_socket.py", plain_numbers.of_trio),
    "trio._threads": ("site/trio/_threads.py", threads),
    "trio._core._run": ("site/trio/_core/_run.py", run),
}


def _split(tree: ast.Module, is_late: Callable[[str], bool]) -> tuple[list[ast.ImportFrom], list[ast.stmt]]:
    later = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module and is_late(node.module)]
    return later, [node for node in tree.body if node not in later]


def _replace(tree: ast.Module, statement: str, by: str) -> None:
    found = [node for node in tree.body if ast.unparse(node) == statement]
    if len(found) != 1:
        raise ShapeError(f"not once in the module: {statement}")
    at = tree.body.index(found[0])
    tree.body[at : at + 1] = ast.parse(by).body


def _is_empty_deprecation(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) == "_deprecate.deprecate_attributes"
        and ast.unparse(node.value.args[1]) == "{}"
    )


def _with_later(tree: ast.Module, kept: list[ast.stmt], later: list[ast.ImportFrom]) -> ast.Module:
    """The table and the function that reads it come first: modules that are imported below may ask already."""
    table = {alias.asname or alias.name: (f".{node.module}", alias.name) for node in later for alias in node.names}
    first = 0
    for node in kept:
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (is_future or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))):
            break
        first += 1
    tree.body = [*kept[:first], *ast.parse(f"_LATER = {table!r}\n{LATER}").body, *kept[first:]]
    return ast.fix_missing_locations(tree)
