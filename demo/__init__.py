"""The demonstration: a function (`app`) and what it must make arrive (`expected`). `make -f layer.mk demo` runs it."""
