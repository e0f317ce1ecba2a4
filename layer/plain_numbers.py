"""The constants of `socket` and `signal` are plain numbers, until somebody asks for their enumerations: making these takes a millisecond.

The functions of both modules give a member of an enumeration where it is there, and its number otherwise. A member is a number, too, and
equal to it. Each function raises ShapeError when the module does not look as it did.
"""

import ast

from layer.shape import ShapeError

IN_TRIO = ("AddressFamily", "SocketKind")
AS_IT_IS = "def _as_it_is(value):\n    return value\n"


class _Asking(ast.NodeTransformer):
    """Where a function speaks of an enumeration, it does not ask for it."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self._names:
            return node
        return ast.copy_location(ast.parse(f"globals().get({node.id!r}, _as_it_is)", mode="eval").body, node)


def converts(node: ast.stmt) -> str | None:
    """The enumeration that this statement makes of the module's constants: `IntEnum._convert_('AddressFamily', __name__, ...)`."""
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute)):
        return None
    name = node.value.args[0] if node.value.func.attr == "_convert_" and node.value.args else None
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else None


def _without(tree: ast.Module, names: set[str]) -> ast.Module:
    """late_parts.py puts the statements that make them off."""
    if {converts(node) for node in tree.body} - {None} != names:
        raise ShapeError(f"other enumerations than {', '.join(sorted(names))}")
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.If)):
            _Asking(names).visit(node)
    tree.body[:0] = ast.parse(AS_IT_IS).body
    return ast.fix_missing_locations(tree)


def of_socket(source: str) -> ast.Module:
    """`socket.py`."""
    return _without(ast.parse(source), {"AddressFamily", "SocketKind", "MsgFlag", "AddressInfo"})


def of_signal(source: str) -> ast.Module:
    """`signal.py`; every system that the layer is for has signal masks."""
    tree = ast.parse(source)
    of_masks = [node for node in tree.body if isinstance(node, ast.If) and any(map(converts, node.body))]
    if len(of_masks) != 1 or ast.unparse(of_masks[0].test) != "'pthread_sigmask' in _globals" or len(of_masks[0].body) != 1:
        raise ShapeError("signal.py")
    tree.body[tree.body.index(of_masks[0])] = of_masks[0].body[0]
    return _without(tree, {"Signals", "Handlers", "Sigmasks"})


def of_trio(source: str) -> ast.Module:
    """`trio/_socket.py`, where they are in annotations, in three names for those, and the default of one parameter."""
    tree = ast.parse(source)
    taken = [node for node in tree.body if ast.unparse(node) == "from socket import AddressFamily, SocketKind"]
    aliases = [node for node in ast.walk(tree) if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias"]
    named = {ast.unparse(node.target): node for node in aliases if node.value and _speaks_of_them(node.value)}
    if len(taken) != 1 or set(named) != {"_GetAddrInfoEntry", "FamilyT", "TypeT"}:
        raise ShapeError("trio/_socket.py")
    tree.body.remove(taken[0])
    for alias in named.values():
        alias.value = ast.copy_location(ast.Name("object", ast.Load()), alias)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in IN_TRIO:
            node.value = ast.copy_location(ast.Name("_stdlib_socket", ast.Load()), node)
    return ast.fix_missing_locations(tree)


def _speaks_of_them(node: ast.AST) -> bool:
    return any(
        (isinstance(one, ast.Name) and one.id in IN_TRIO) or (isinstance(one, ast.Attribute) and one.attr in IN_TRIO)
        for one in ast.walk(node)
    )
