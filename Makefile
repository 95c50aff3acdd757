# Two commands set everything up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := captures/gp-get-csv-loss.pcapng

.PHONY: demo test check lint format types imports artefacts bench tools clean

demo: $(READY)
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/gpinspect tui $(DEMO); else $(BIN)/gpinspect report $(DEMO); fi

test: $(READY) tools
	$(BIN)/python -m pytest -n auto

check: lint types imports artefacts test

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

artefacts: $(READY)
	$(BIN)/gpinspect export docs findings --check docs/findings.md
	$(BIN)/gpinspect export docs protocol --check docs/protocol.md
	$(BIN)/gpinspect export lua --check dissectors/wireshark/gpfdist.lua
	$(BIN)/gpinspect export scapy --check dissectors/scapy/gpfdist.py
	$(BIN)/gpinspect export scapy --check gpinspect/export/scapy/gpfdist.py
	$(BIN)/gpinspect export spicy grammar --check dissectors/spicy/gpfdist.spicy
	$(BIN)/gpinspect export spicy evt --check dissectors/spicy/gpfdist.evt

bench: $(READY) tools
	$(BIN)/python -m benchmarks.run $(BENCH)
	$(if $(BENCH),,$(BIN)/python -m benchmarks.serving)

# What the tests need beside Python: installed when root, named otherwise.
tools:
	@tests/tools.sh

$(READY): pyproject.toml requirements.lock
	@echo "gpinspect: making a virtual environment in $(VENV)" >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gpinspect needs Python 3.11 or newer, this is " + sys.version)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info bench-data .mypy_cache .ruff_cache .pytest_cache .hypothesis
