"""Modules of others, changed for a quick start: trio's public face imports a part when it is asked for it (TLS, DTLS, subprocesses, files).

Made from the syntax trees of their own sources. Each function raises ShapeError when the module does not look as it did: then the layer
is not built, and a test fails, before anybody starts it.
"""

import ast
from collections.abc import Callable

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


PATTERNS = """
_compile_now = compile
def compile(p, flags=0):
    try:
        made = __spec__.loader.patterns.get((p, int(flags)))
    except TypeError:
        made = None
    return _compile_now(p, flags) if made is None else _sre.compile(p, *made)
"""


class ShapeError(Exception):
    """A module is not what this was written for."""


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


def documented(source: str) -> ast.Module:
    """`h11/_events.py`: a data class without a docstring is given one made of its signature, and all of `inspect` is loaded for that."""
    tree = ast.parse(source)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.decorator_list]
    for node in classes:
        if ast.get_docstring(node) is None:
            node.body.insert(0, ast.Expr(ast.Constant(node.name)))
        node.body.insert(1, ast.parse(f"__doc__ = {node.name!r}").body[0])  # docstrings are taken out by the compiler
    if len(classes) < 5:
        raise ShapeError("h11/_events.py")
    return ast.fix_missing_locations(tree)


def patterns_made_ahead(source: str) -> ast.Module:
    """`re/_compiler.py`: patterns that were compiled when the layer was built are taken from there."""
    tree = ast.parse(source)
    if [node.args.args[0].arg for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "compile"] != ["p"]:
        raise ShapeError("re/_compiler.py")
    tree.body += ast.parse(PATTERNS).body
    return tree


CHANGED = {
    "trio": ("site/trio/__init__.py", front),
    "trio.lowlevel": ("site/trio/lowlevel.py", lowlevel),
    "trio._core._thread_cache": ("site/trio/_core/_thread_cache.py", thread_cache),
    "h11._events": ("site/h11/_events.py", documented),
    "re._compiler": ("library/re/_compiler.py", patterns_made_ahead),
}


def _split(tree: ast.Module, is_late: Callable[[str], bool]) -> tuple[list[ast.ImportFrom], list[ast.stmt]]:
    later = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module and is_late(node.module)]
    return later, [node for node in tree.body if node not in later]


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
