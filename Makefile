# The ways to work with onhand. Everything is installed into .venv; nothing outside this folder is changed but the user's cache.
PYTHON ?= python3
BIN := .venv/bin
STATE ?= .onhand
FOLDERS := schemas lua sql agents deploy

.DEFAULT_GOAL := help
.PHONY: help install lock asyncapi run demo check test faults soak bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: .venv/installed ## Make .venv with the locked versions and the `onhand` command

.venv/installed: deploy/requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement deploy/requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	mkdir -p .links/onhand
	for folder in $(FOLDERS); do ln -sfn ../../$$folder .links/onhand/$$folder; done
	$(BIN)/python -m compileall -q -j 0 .venv/lib $(FOLDERS) # or, where PYTHONDONTWRITEBYTECODE is set, each process compiles for seconds
	touch $@

lock: install ## Resolve the newest allowed versions into deploy/requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --generate-hashes \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--output-file deploy/requirements.lock pyproject.toml

asyncapi: install ## Write schemas/asyncapi.yaml anew from the models
	$(BIN)/python -m onhand.schemas.asyncapi

run: install ## Start everything here, with the demo's stock, until Ctrl-C
	$(BIN)/onhand up --state $(STATE) --demo-stock

demo: install ## A flash sale from nothing to the audit's verdict
	$(BIN)/onhand demo --fresh

check: install ## Lint, types and import contracts; no servers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p onhand
	$(BIN)/lint-imports

test: check ## The whole suite; it starts its servers itself
	$(BIN)/pytest

faults: install ## The crash tests at length (ONHAND_TEST_SEEDS lanes in memory, partitions among themselves, then real processes)
	TMPDIR=$${TMPDIR:-/tmp} ONHAND_TEST_SEEDS=$${ONHAND_TEST_SEEDS:-300} $(BIN)/pytest --timeout=3600 tests/agents/test_gate_crashes.py tests/simulation tests/faults

soak: install ## Random harm to everything for ONHAND_SOAK_S seconds (ONHAND_SOAK_SEED, ONHAND_SOAK_RATE)
	TMPDIR=$${TMPDIR:-/tmp} ONHAND_SOAK_S=$${ONHAND_SOAK_S:-600} $(BIN)/pytest --timeout=86400 -s tests/faults/test_soak.py

bench: install ## Measure gate, ledger and latency
	$(BIN)/onhand bench

clean: ## Remove what was built and installed; the stock in .onhand stays
	rm -rf .venv .links build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find $(FOLDERS) tests -name __pycache__ -type d -prune -exec rm -rf {} +
