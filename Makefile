# make demo   everything from a fresh clone to a finished migration on the lab
# make test   lint, types, import rules, tests
# make faults the proof under faults at full size (docs/testing.md); its run time at the end
# make soak   random trouble for ten minutes on a site of real processes, then every disk against its source
# make bench  figures, also as build/bench.json
# make docs   the pages that are written from code: codes of problems, commands, keys of the files, README's picture
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# tests wait more than they compute: three on two cores
JOBS ?= 3

.PHONY: demo test lint types imports unit faults soak bench docs lock clean

demo: .venv/ready
	$(BIN)/wavelift demo

test: lint types imports unit

lint: .venv/ready
	$(BIN)/ruff check .

types: .venv/ready
	$(BIN)/mypy

imports: .venv/ready
	$(BIN)/lint-imports

# compiled modules are kept even where the environment forbids it: every worker and some hundred processes import the same
unit: .venv/ready
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

faults: .venv/ready
	$(BIN)/python -m tests.faults -n $(JOBS)

soak: .venv/ready
	$(BIN)/python -m tests.soak

bench: .venv/ready
	$(BIN)/python -m tests.bench

docs: .venv/ready
	$(BIN)/python -m tests.docs.codes
	$(BIN)/python -m tests.docs.reference
	$(BIN)/python -m tests.docs.picture

lock: .venv/ready
	@echo '# What was tested, with one version each; `make lock` writes it anew. Python 3.11.' > constraints.txt
	$(BIN)/pip freeze --exclude-editable >> constraints.txt

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "wavelift needs Python 3.11 or newer: make PYTHON=…")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
