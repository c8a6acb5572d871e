# `make demo` and `make test` need only Python >= 3.11; everything else is installed here, once.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready

.PHONY: help setup demo test lint bench fuzz lock clean

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make setup   virtual environment with the locked dependencies
setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("motorpool needs Python 3.11 or newer; set PYTHON=...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

## make demo    a morning at a station, on simulated hardware speaking real bytes
demo: $(STAMP)
	$(BIN)/motorpool demo

## make test    all tests; installs the Debian packages they need when it may
test: $(STAMP)
	@tests/system/install-peers.sh
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup $(ARGS)

## make lint    ruff, mypy --strict, import-linter
lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

## make bench   ratios against peers and physical limits; exits 1 when one misses
bench: $(STAMP)
	@tests/system/install-peers.sh
	$(BIN)/python -m benchmarks

## make fuzz    every parser under a coverage-guided fuzzer, SECONDS=10 each; exits 1 naming what broke it
fuzz: $(STAMP)
	$(BIN)/python tests/fuzz --seconds $(or $(SECONDS),10) $(ARGS)

## make lock    resolve the dependencies anew (needs uv)
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header -o requirements.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
