# What one does with this project: `make -f layer.mk`. Needs Python 3.11 or newer, make, and the package registry.
# Every target sets up what it needs in .venv, from the hash-locked files of requirements/, and again only when those have changed.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PYTHON_SOURCES := fsm protocols pipelines reactor emulator cli demo bench fixtures tests layer launcher
ARCH := x86_64
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet install
PYTHON ?=

.PHONY: help demo test check long lint format bench docs clean layer image layer-if-possible

help:
	@echo 'make -f layer.mk demo     run a function with the extension on a local Lambda platform, and compare what arrives'
	@echo 'make -f layer.mk test     format, lint, types, the model check, all tests but the long ones, the benchmark table'
	@echo 'make -f layer.mk check    visit every state of the machines'
	@echo 'make -f layer.mk long     the tests that take longer'
	@echo 'make -f layer.mk lint     format check, lint and types alone'
	@echo 'make -f layer.mk format   rewrite the sources in the one format'
	@echo 'make -f layer.mk bench    the benchmark table alone'
	@echo 'make -f layer.mk layer    build build/layer-x86_64.zip, and its bill of materials (ARCH=arm64 for the other)'
	@echo 'make -f layer.mk image    the same, and a root file system for container images, build/image-x86_64.tar'
	@echo 'make -f layer.mk docs     draw the machines, list the settings and the triggers anew'
	@echo 'make -f layer.mk clean    remove what these targets made, .venv included'
	@echo 'PYTHON=/path/to/python chooses the interpreter that .venv is made with.'

demo: $(VENV)/.demo
	@$(BIN)/python -m cli.demo

# What waits most of its time (whole processes) runs beside what computes; its output comes when both are done.
test: $(VENV)/.dev
	@$(MAKE) -f layer.mk -j 2 lint check layer-if-possible
	@mkdir -p build
	@$(BIN)/python -m pytest -m 'not long' tests/process >build/tests-process.txt 2>&1 & beside=$$!; \
	$(BIN)/python -m pytest -m 'not long' --ignore=tests/process; rest=$$?; \
	wait $$beside; process=$$?; cat build/tests-process.txt; \
	exit $$((rest | process))
	@$(BIN)/python -m bench.run

check: $(VENV)/.dev
	@$(BIN)/lambda-reactor check

long: $(VENV)/.layer
	@$(BIN)/python -m pytest -m long

lint: $(VENV)/.dev
	@$(BIN)/ruff format --check $(PYTHON_SOURCES)
	@$(BIN)/ruff check $(PYTHON_SOURCES)
	@$(BIN)/mypy
	@$(BIN)/basedpyright

format: $(VENV)/.dev
	@$(BIN)/ruff format $(PYTHON_SOURCES)
	@$(BIN)/ruff check --fix $(PYTHON_SOURCES)

bench: $(VENV)/.dev
	@$(BIN)/python -m bench.run

docs: $(VENV)/.dev
	@$(BIN)/lambda-reactor diagram all --output docs/machines
	@$(BIN)/lambda-reactor config --format markdown > docs/settings.md.new && mv docs/settings.md.new docs/settings.md
	@$(BIN)/lambda-reactor triggers > docs/triggers.md.new && mv docs/triggers.md.new docs/triggers.md

layer: $(VENV)/.layer
	@$(BIN)/python -m layer.build $(ARCH)

# Exit code 3: this machine lacks what it takes (Debian's packages). That is said, and nothing is lost but the look at the layer's machine code.
layer-if-possible: $(VENV)/.layer
	@$(BIN)/python -m layer.build x86_64 if-new || { test $$? = 3 && echo 'so the layer itself is not looked at'; }

image: $(VENV)/.layer
	@$(BIN)/python -m layer.build $(ARCH) image

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build lambda_reactor.egg-info
	find $(PYTHON_SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

# The development requirements hold those of the demonstration.
$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/bin/pip
	@echo 'setting up $(VENV) for development (once)'
	@$(PIP) --require-hashes -r requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.demo $@

$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(VENV)/bin/pip
	@echo 'setting up $(VENV) for the demonstration (once)'
	@$(PIP) --require-hashes -r requirements/demo.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.layer: requirements/layer.txt $(VENV)/.dev
	@echo 'setting up $(VENV) for building the layer (once)'
	@$(PIP) --require-hashes -r requirements/layer.txt
	@touch $@

# pip is the last that a new environment gets: without it the making was interrupted.
$(VENV)/bin/pip:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	    found="$$python"; \
	    "$$python" -c 'import venv, ensurepip' >/dev/null 2>&1 || continue; \
	    echo "making $(VENV) with $$("$$python" --version) ($$python)"; \
	    rm -rf $(VENV) && "$$python" -m venv $(VENV) && exit 0; \
	done; \
	if [ -n "$$found" ]; then \
	    echo "$$found has no venv module: install it (on Debian and Ubuntu: apt install python3-venv)" >&2; \
	else \
	    echo 'no Python 3.11 or newer found: install one, or name it: make -f layer.mk PYTHON=/path/to/python ...' >&2; \
	fi; \
	exit 1
