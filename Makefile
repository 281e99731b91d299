# Two commands do everything: `make demo` runs the main job, `make test` passes the tests.
# Both create their own virtual environment; nothing but python3 (>= 3.11) with venv is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WORKERS ?= 2
# Where examples in docstrings run as tests.
DOCTESTS := connector/core connector/hubspot connector/sandbox connector/context.py connector/telemetry/logs.py

.PHONY: demo chromium test test-long simulate check docs format bench clean help

help:            ## Show the commands
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "python3 lacks venv; on Debian: apt-get install python3-venv"; exit 1; }

$(RUN_STAMP): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing (once) …"
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(DEV_STAMP): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing with the development tools (once) …"
	@$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(RUN_STAMP)

demo: $(RUN_STAMP) ## Run the main job against a simulated portal; needs no account
	@$(BIN)/connector demo $(ARGS)

check: $(DEV_STAMP) ## Style gates: format, lint, types, import contracts, exemptions
	@$(BIN)/ruff format --check --quiet . && echo "format     ok"
	@$(BIN)/ruff check --quiet . && echo "lint       ok"
	@$(BIN)/mypy --no-error-summary && echo "types      ok"
	@$(BIN)/lint-imports --no-cache >.import-contracts.log 2>&1 || { cat .import-contracts.log; exit 1; }
	@rm -f .import-contracts.log && echo "imports    ok"
	@$(BIN)/hadolint Dockerfile && echo "image      ok"

# Without it the tests that open pages in a browser skip, and say so.
chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null; } || \
		echo "chromium   missing: the pages are opened in no browser (on Debian: apt-get install chromium)"

test: check chromium ## Everything that must hold: gates, unit tests, journeys on the sandbox
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not long" --doctest-modules \
		tests $(DOCTESTS) \
		--cov --cov-report= $(ARGS)
	@$(BIN)/python -m coverage report --include='connector/core/*,state/*' --fail-under=99 \
		--skip-covered --show-missing
	@$(BIN)/python -m coverage report --fail-under=95 --format=total >/dev/null && \
		echo "coverage   core and state 99%, all $$($(BIN)/python -m coverage report --format=total)%"

test-long: $(DEV_STAMP) ## What takes longer: full crash matrix, big state machines
	@$(BIN)/python -m pytest -v -n $(WORKERS) --dist worksteal -m long --timeout 3600 $(ARGS)

simulate: $(DEV_STAMP) ## Weeks of a busy portal in seconds; ARGS='--seed 7 --seeds 20 --days 20'
	@$(BIN)/python -m tests.simulation $(ARGS)

bench: $(DEV_STAMP) ## Benchmarks, as ratios within one run; writes docs/performance.md
	@$(BIN)/python -m bench.run $(ARGS)
	@for each in tests/benchmarks/bench_*.py; do echo "== $$each"; $(BIN)/python $$each || exit 1; done

docs: $(DEV_STAMP) ## Build the documentation as a site, into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet && echo "site/index.html"

format: $(DEV_STAMP) ## Put the code into form
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean: ## Remove what the commands above created, but never var/: it holds the database
	@rm -rf $(VENV) .coverage .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist
