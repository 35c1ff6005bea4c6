# Everything runs in .venv, which the first target that needs it makes.

# The Python that makes .venv, 3.11 or newer. Empty: the first fitting one of the candidates.
PYTHON ?=
CANDIDATES := python3 python3.13 python3.12 python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CODE := $(wildcard simaccess tests bench)

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench validation notebooks clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv and install the package with its tools into it

demo: $(STAMP)  ## compare the four access methods over memory, PCI bus and WAN
	$(BIN)/simaccess sweep experiments/table-4-3.toml --out results

test: $(STAMP)  ## run every test
	$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

check: $(STAMP)  ## lint, formatting, types, layering
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	MYPYPATH=experiments:bench $(BIN)/mypy $(CODE) experiments/validation.py notebooks/execute.py
	$(BIN)/lint-imports

bench: $(STAMP)  ## time engines against plain SimPy, sweeps, and real links against bare clients
	$(BIN)/python bench/engine.py
	$(BIN)/python bench/sweep.py
	$(BIN)/python bench/replay.py
	$(BIN)/python bench/real.py

validation: $(STAMP)  ## hold the models against real links (root, a quiet machine, an hour)
	$(BIN)/python experiments/validation.py

notebooks: $(STAMP)  ## run the notebooks and keep what they give
	$(BIN)/python notebooks/execute.py

clean:  ## remove .venv, results, caches and built packages
	rm -rf $(VENV) .venv-peers results dist build .hypothesis .mypy_cache .pytest_cache .ruff_cache \
	    .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/pip || { \
	  for python in $(or $(PYTHON),$(CANDIDATES)); do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    "$$python" -m venv $(VENV) && exit 0; \
	    rm -rf $(VENV); \
	    echo "make: $$python -m venv failed: install its venv module" >&2; exit 1; \
	  done; \
	  echo "make: no Python 3.11 or newer among: $(or $(PYTHON),$(CANDIDATES));" \
	    "name one with 'make $(MAKECMDGOALS) PYTHON=...'" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
