"""Builds the layer: `make -f layer.mk layer`. None of it is shipped.

`build` is the order of things; `debian` and `wheels` bring the locked parts, `interpreter` makes a Python of them that needs nothing of
the system it runs on, `compiled` and `archive` run in that Python and turn sources into code, `bill` says what is inside, `pack` writes
the zip. The same locks and sources make the same bytes.
"""
