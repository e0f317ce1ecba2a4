"""Classes that attrs decorates, made once: in the archive, the decorator stands where the metaclass does.

A decorator gets a class that is made already, and one with slots has to be made anew; making a class is the dearest thing that a module
does. Here launcher/attrs_ahead.py gets its name, its bases and its body instead: `@attrs.frozen(eq=False) class A(B)` becomes
`class A(B, metaclass=__loader__.making("frozen", type, eq=False))`. A decorator that is not the last one before the class, or that a
module does not call by `attr` or `attrs`, stays.
"""

import ast

DECORATORS = {f"{module}.{name}": name for module in ("attr", "attrs") for name in ("s", "define", "frozen", "mutable")}


class _Move(ast.NodeTransformer):
    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        decorator = node.decorator_list[-1] if node.decorator_list else None
        called, options = (decorator.func, decorator.keywords) if isinstance(decorator, ast.Call) else (decorator, [])
        how = DECORATORS.get(ast.unparse(called)) if called is not None else None
        if how is None or (isinstance(decorator, ast.Call) and decorator.args):
            return node
        own = next((keyword.value for keyword in node.keywords if keyword.arg == "metaclass"), ast.Name("type", ast.Load()))
        making = ast.Call(ast.parse("__loader__.making", mode="eval").body, [ast.Constant(how), own], options)
        node.decorator_list.pop()
        node.keywords = [keyword for keyword in node.keywords if keyword.arg != "metaclass"]
        node.keywords.append(ast.keyword("metaclass", ast.copy_location(making, node)))
        return node


def moved(tree: ast.Module) -> ast.Module:
    """The module's tree, changed in place."""
    return ast.fix_missing_locations(_Move().visit(tree))  # type: ignore[no-any-return]
