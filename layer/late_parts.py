"""Modules without what a start cannot need of them: functions and classes that nobody who is loaded then speaks of.

They become a part of their own, which launcher/start.py reads when somebody asks the module for one of them. Whether a name is spoken of is
looked up generously: it counts whoever it belongs to. A name that is asked for all the same is found, only later: nothing can get lost.
"""

import ast
from collections.abc import Iterable

from layer.plain_numbers import converts

# What these decorators do, they can do later. Others may tell somebody of what they decorate.
HARMLESS = ("contextmanager", "asynccontextmanager", "final", "lru_cache", "cache", "total_ordering")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class _Module:
    """What is in its tree: the definitions that may come late, by name, and all else."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        bound = _bound(tree.body)
        defined = {name: node for node in tree.body if (name := _defined_by(node))} if _is_plain(bound) else {}
        self.late = {name: node for name, node in defined.items() if bound.count(name) <= 1}
        self.kept: list[ast.stmt] = [node for node in tree.body if node not in self.late.values()]

    def keep(self, spoken_here: set[str], spoken_elsewhere: set[str]) -> list[ast.stmt]:
        """Those of the late ones that are spoken of; they are not late any more."""
        needed = [name for name in self.late if name in spoken_here or name in spoken_elsewhere]
        nodes = [self.late.pop(name) for name in needed]
        self.kept += nodes
        return nodes


def split(trees: dict[str, ast.Module], asked: Iterable[str] = ()) -> dict[str, tuple[str, ast.Module]]:
    """Takes the late definitions out of these trees, which belong to all modules of a start; gives them by module, with their names, which
    have a space on either side. `asked` are names that somebody needs besides."""
    whole = _taken_as_a_whole(trees.values())
    modules = {name: _Module(tree) for name, tree in trees.items() if name.rpartition(".")[2] not in whole}
    here: dict[str, set[str]] = {name: set() for name in modules}
    elsewhere = set(asked)
    for name in trees.keys() - modules.keys():
        _note(trees[name], set(), elsewhere)
    fresh = {name: list(module.kept) for name, module in modules.items()}
    while any(fresh.values()):
        for name, nodes in fresh.items():
            for node in nodes:
                _note(node, here[name], elsewhere)
        fresh = {name: module.keep(here[name], elsewhere) for name, module in modules.items()}
    for module in modules.values():
        module.tree.body = [node for node in module.tree.body if node not in module.late.values()]
    return {
        name: (f" {' '.join(module.late)} ", ast.Module(list(module.late.values()), [])) for name, module in modules.items() if module.late
    }


def _taken_as_a_whole(trees: Iterable[ast.Module]) -> set[str]:
    """The last names of modules all of whose names somebody imports, which are those that are there."""
    imports = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {(node.module or "").rpartition(".")[2] for node in imports if node.names[0].name == "*"}


def _note(node: ast.AST, here: set[str], elsewhere: set[str]) -> None:
    """The names that this speaks of: by themselves, which are its own module's, and of whatever else."""
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            here.add(one.id)
        elif isinstance(one, ast.Attribute):
            elsewhere.add(one.attr)
        elif isinstance(one, ast.ImportFrom):
            elsewhere.update(alias.name for alias in one.names)
        elif isinstance(one, ast.Global):
            here.update(one.names)


def _defined_by(node: ast.stmt) -> str | None:
    """The name of a function, a class or an enumeration that can be made later."""
    if not isinstance(node, DEFINITIONS):
        return converts(node)
    decorators = [decorator.func if isinstance(decorator, ast.Call) else decorator for decorator in node.decorator_list]
    is_special = node.name.startswith("__") and node.name.endswith("__")
    can_wait = not is_special and all(ast.unparse(decorator).rpartition(".")[2] in HARMLESS for decorator in decorators)
    return node.name if can_wait else None


def _is_plain(bound: list[str]) -> bool:
    """A module that finds its own attributes, or takes all of another's, is left as it is."""
    return "__getattr__" not in bound and "__dir__" not in bound


def _bound(body: list[ast.stmt]) -> list[str]:
    """Every name that the module's own code gives a value to, or takes it from, as often as it does."""
    names: list[str] = []
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, DEFINITIONS):
            names.append(node.name)
            continue  # what is inside has names of its own
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.append(node.id)
        elif isinstance(node, ast.alias):
            names.append((node.asname or node.name).partition(".")[0])
        waiting += ast.iter_child_nodes(node)
    return names
