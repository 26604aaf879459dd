PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CPUS := $(shell nproc 2>/dev/null || echo 2)
PIP := $(BIN)/python -m pip --disable-pip-version-check
COMPILE_ALONE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header
COMPILE := $(COMPILE_ALONE) pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help reproduce test check format figures nightly realmodel bench lock clean

help: ## Show what can be made.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

reproduce: $(VENV)/report.stamp ## Run the published experiment, compare every cell, write the report.
	$(BIN)/sim-economy reproduce

test: check ## Everything CI runs.
	$(BIN)/python -m pytest -n $(CPUS) -m "not nightly"

check: $(VENV)/dev.stamp ## Style, types, imports.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## Put the code into the house style.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

figures: $(VENV)/dev.stamp ## Write the figures that pages show anew, after a change of the rules.
	$(BIN)/python -m tests.golden.recorded
	$(BIN)/python -m tests.docs.measured
	$(BIN)/python -m tests.docs.contract_page
	$(BIN)/python -m tests.docs.notebooks
	$(BIN)/python -m tests.viewer.shared_style

nightly: $(VENV)/dev.stamp ## The long suites: ten million random actions, a million stateful ones.
	-@$(MAKE) --no-print-directory $(VENV)/realmodel.stamp # without it tests/realmodel is skipped
	$(BIN)/python -m pytest -s -m nightly tests/properties
	$(BIN)/python -m pytest -n $(CPUS) -m nightly tests --ignore tests/properties
	$(BIN)/python -m benchmarks.viewer pages maps --large
	$(BIN)/python -m benchmarks.viewer memory --turns 10000

realmodel: $(VENV)/dev.stamp $(VENV)/realmodel.stamp ## A language model of 250 MB plays on this computer; half an hour.
	$(BIN)/python -m pytest -s -m nightly tests/realmodel

bench: $(VENV)/bench.stamp ## Ratios against a bare loop, raw SQLite, Mesa, radCAD, a bare socket; the cost of access.
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.postgres
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.access
	$(BIN)/python -m benchmarks.hostile
	$(BIN)/python -m benchmarks.society
	$(BIN)/python -m benchmarks.viewer
	$(BIN)/python -m benchmarks.orchestrator
	$(BIN)/python -m benchmarks.usage
	$(BIN)/python -m benchmarks.kernel

lock: ## Write the pinned requirements anew; needs uv.
	$(COMPILE) --extra report --extra engine --extra client --extra signatures --group build -o requirements/report.lock
	$(COMPILE) --extra report --extra engine --extra client --extra signatures --extra mcp --extra postgres --extra models --extra models-anthropic --extra models-google --extra batch --extra sensitivity --extra training --extra search --group dev -o requirements/dev.lock
	$(COMPILE) --extra report --extra engine --extra client --extra signatures --extra postgres --extra models --extra batch --group bench --overrides requirements/bench.overrides -o requirements/bench.lock
	$(COMPILE_ALONE) --group pyproject.toml:realmodel -o requirements/realmodel.lock

clean: ## Remove the environment and everything made.
	rm -rf $(VENV) out build dist .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sim-economy needs Python 3.11 or newer; make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

# A lock file is complete, so that pip need not read what packages ask for: radcad's would be refused.
$(VENV)/%.stamp: requirements/%.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) install --quiet --require-hashes --no-deps -r $<
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	touch $@
