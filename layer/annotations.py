"""Modules without the annotations that nobody reads at run time: evaluating them costs time at each start, and keeping them memory.

Of functions and of modules they go altogether. Those of a class are what attrs, data classes and named tuples make fields of: names and
order stay, and a type is `None` then. Where one tells more than a type (`ClassVar`), it stays as it is.
"""

import ast

KEPT = ("ClassVar", "InitVar", "KW_ONLY")


class _Removal(ast.NodeTransformer):
    def __init__(self) -> None:
        self._in_class = False

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._inside(node, True)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self._inside(node, False)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self._inside(node, False)

    def _inside(self, node: ast.AST, is_class: bool) -> ast.AST:
        before, self._in_class = self._in_class, is_class
        self.generic_visit(node)
        self._in_class = before
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.AST]:
        """What only a type checker reads."""
        self.generic_visit(node)
        if ast.unparse(node.test).rpartition(".")[2] != "TYPE_CHECKING":
            return node
        return node.orelse or ast.copy_location(ast.Pass(), node)  # type: ignore[return-value]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if self._in_class:
            if not any(word in ast.unparse(node.annotation) for word in KEPT):
                node.annotation = ast.copy_location(ast.Constant(None), node.annotation)
            return node
        if node.value is None:
            # In a function it says that the name is its own, even where nothing is ever assigned.
            return node
        return ast.copy_location(ast.Assign([node.target], node.value), node)


def removed(tree: ast.Module) -> ast.Module:
    """The module's tree, changed in place."""
    return ast.fix_missing_locations(_Removal().visit(tree))  # type: ignore[no-any-return]
