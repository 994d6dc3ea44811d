# Needs Python 3.11 or later; the tests also want Java 17, Maven and Go (see README.md).
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PINS := constraints.txt
# Files that have the hash that is written down, and no code of a package runs to install it.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
FETCH := $(INSTALL) --require-hashes --only-binary :all:
# The package itself is built by the setuptools that was fetched so.
OWN := $(INSTALL) --no-index --no-build-isolation -e .
COMPILE := build/pins/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-annotate --no-header
RUN := $(VENV)/.run
DEV := $(VENV)/.dev

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast lint types format docs new-stage bench bench-kafka bench-compare attack peer chaos sbom audit kafka kube pins clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "make %-12s %s\n", $$1, $$2}'

demo: $(RUN) ## Run the demo; ONCE=1 ends it after one pass
	@$(BIN)/python -m pipeline.cli.demo $(if $(ONCE),--once)

test: lint types ## Lint, types and every test, with the real parts fetched and built as needed
	@$(BIN)/python -m pytest $(if $(JOBS),-n $(JOBS) --dist loadgroup) $(TESTS)

# Without a cache a test that needs a real part is red, where it is not marked so.
test-fast: $(DEV) ## The tests that need Python alone, in less than a minute
	@CI=true XDG_CACHE_HOME=/dev/null $(BIN)/python -m pytest -n auto -m "not real and not slow" \
	  --hypothesis-profile=fast $(TESTS)

lint: $(DEV) ## Style and defects
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .

types: $(DEV) ## Types, tests included
	@$(BIN)/mypy --no-error-summary

format: $(DEV) ## Bring the sources into their format
	@$(BIN)/ruff format .

docs: $(RUN) ## Generate docs/*.md and configs/schema.json again
	@$(BIN)/python -m tools.docs

new-stage: $(DEV) ## Start a transform: stages/NAME.py and its test, documents generated (NAME=x)
	@$(BIN)/python -m tools.new_stage "$(NAME)"
	@$(BIN)/python -m tools.docs

bench: $(RUN) ## Flows a second, processor time a flow, memory; ARGS="--quick"
	@$(BIN)/python -m benchmarks $(ARGS)
	@$(BIN)/python -m benchmarks.policies
	@$(BIN)/python -m benchmarks.series

bench-kafka: $(DEV) ## The same over Kafka; ARGS="--only speed", ARGS="--peer PATH"
	@$(BIN)/python -m benchmarks.kafka $(ARGS)

bench-compare: $(RUN) ## Two results of benchmarks/results by each other: A=NAME B=NAME
	@$(BIN)/python -m benchmarks.results $(A) $(B)

attack: $(DEV) ## A million hostile inputs and their table (an hour); ARGS="json=0.1 state=0.05" for less
	@$(BIN)/python -m tests.attack $(ARGS)

peer: $(DEV) ## A flowlogs-pipeline binary (FLP_BINARY=PATH) beside this engine: CONFIG=FILE FLOWS=FILE
	@$(BIN)/python -m tests.peer "$(CONFIG)" "$(FLOWS)"

chaos: $(DEV) ## 1M flows through kills, scaling, a freeze and a broker restart (10 minutes)
	@$(BIN)/python -m tests.kafka.chaos $(ARGS)

kafka: $(DEV) ## Keep a Kafka broker running on 127.0.0.1:9092, as the tests start it (PORT=, DIR=)
	@$(BIN)/python -m tests.real.kafka

kube: $(DEV) ## Keep a Kubernetes API server running, and say where its kubeconfig is (DIR=)
	@$(BIN)/python -m tests.real.kube

pins: ## All pins and hashes from the newest releases; KEEP=1 keeps what constraints.txt says
	$(PYTHON) -m venv --clear build/pins
	build/pins/bin/python -m pip install --quiet uv
	echo 'setuptools>=77' > build/pins/build.in
	$(COMPILE) $(if $(KEEP),-c $(PINS)) --extra dev pyproject.toml -o build/pins/dev.txt
	$(COMPILE) -c build/pins/dev.txt --extra location pyproject.toml build/pins/build.in -o build/pins/run.txt
	{ sed -n '/^#/p' $(PINS); sed -n 's/^\([^ #]*==[^ ]*\).*/\1/p' build/pins/dev.txt; } > build/pins/all.txt
	mv build/pins/all.txt $(PINS)
	mv build/pins/run.txt requirements.txt
	mv build/pins/dev.txt requirements-dev.txt

sbom: $(RUN) ## The parts of a run as CycloneDX, to sbom.json
	@$(BIN)/python -m tools.sbom > sbom.json

audit: $(if $(ADVISORIES),$(DEV)) ## Known vulnerabilities of the pins: PyPI's service, or ADVISORIES=CHECKOUT of PyPA's
ifdef ADVISORIES
	@$(BIN)/python -m tools.audit "$(ADVISORIES)"
else
	$(PYTHON) -m venv --clear build/audit
	build/audit/bin/python -m pip install --quiet pip-audit
	build/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements-dev.txt
endif

clean: ## Remove the environment and what tools leave behind
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 is not installed" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUN): pyproject.toml requirements.txt | $(BIN)/python
	$(FETCH) -r requirements.txt
	$(OWN)
	@touch $@

$(DEV): pyproject.toml requirements-dev.txt | $(BIN)/python
	$(FETCH) -r requirements-dev.txt
	$(OWN)
	@touch $(RUN) $@
