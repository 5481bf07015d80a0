# samehand: `make demo` and `make test` are all a fresh clone needs.
PYTHON ?= python3
VENV   := .venv
PEERS  := .venv-peers
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test test-extra setup setup-dev lint evaluate peers bench docs lock clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: setup ## run the CryptoCore case end to end
	$(BIN)/samehand demo -o demo-output

test: setup-dev lint ## lint, types and all tests that need nothing but Python
	$(BIN)/python -m pytest -m "not extra"

test-extra: setup-dev ## tests that need a browser, Spark, a compiler or a server; skipped with a reason
	$(BIN)/python -m pytest -m extra

setup: $(VENV)/.core ## create .venv with the program only

setup-dev: $(VENV)/.dev

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

evaluate: setup-dev peers ## slow figures on the labelled development data (DATA=folder)
	$(BIN)/python scripts/evaluate.py --data "$(or $(DATA),../shared/data)"
	$(BIN)/python scripts/evaluate_prose.py --data "$(or $(DATA),../shared/data)" --half both
	$(BIN)/python scripts/evaluate_facts.py --data "$(or $(DATA),../shared/data)" --half open
	$(BIN)/python scripts/evaluate_actors_sets.py --data "$(or $(DATA),../shared/data)"
	$(BIN)/python scripts/evaluate_actors_text.py --data "$(or $(DATA),../shared/data)"
	$(BIN)/python scripts/evaluate_actors_indicators.py --data "$(or $(DATA),../shared/data)"
	$(BIN)/python scripts/evaluate_copies.py --data "$(or $(DATA),../shared/data)"
	$(BIN)/python scripts/side_by_side.py --data "$(or $(DATA),../shared/data)" --half both \
	  --peers $(PEERS)/bin/python

# One of them is LGPL: they run in an environment of their own and are never imported by the program.
peers: $(PEERS)/.done ## the extractors that evaluate compares with

$(PEERS)/.done:
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip --disable-pip-version-check --quiet install iocsearcher==3.1.0 ioc-finder==9.4.1
	@touch $@

bench: setup-dev ## time and memory
	$(BIN)/python scripts/bench.py "$(or $(DATA),../shared/data)"

docs: setup-dev ## regenerate the generated pages
	$(BIN)/python scripts/build_cli_page.py

lock: ## refresh requirements/*.txt from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  pyproject.toml requirements/build.in -o requirements/core.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --extra dev pyproject.toml requirements/build.in -o requirements/dev.txt

clean: ## remove everything that make created
	rm -rf $(VENV) $(PEERS) demo-output .pytest_cache .mypy_cache .ruff_cache

# The virtual environment is rebuilt when the lock files change. A half-made one is never used:
# the marker file is written last.
$(VENV)/.core: requirements/core.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "samehand needs Python 3.11 or newer; '$(PYTHON)' is older or missing. Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "This Python cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "samehand: setting up $(VENV) (once)" >&2
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements/core.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	$(BIN)/samehand knowledge prepare
	@touch $@

$(VENV)/.dev: $(VENV)/.core requirements/dev.txt
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@
