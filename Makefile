# Needs Linux, GNU make, Python 3.11 and openssl; every target brings what else it needs.
# A KUBECONFIG that is exported is not used by any target; one that is named on make's command line is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
unexport KUBECONFIG KUBECONFIG_FOR_TESTS

ifeq ($(origin KUBECONFIG),command line)
NAMED_KUBECONFIG := $(KUBECONFIG)
endif

# One name for each content of what the environment is made from, so it is made again when that changes and only then.
content = $(firstword $(shell sha256sum $(1)))
REQUIREMENTS := .venv/.requirements-$(call content,requirements-dev.txt)
VENV := .venv/.project-$(call content,pyproject.toml)
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

.PHONY: help
help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV) ## Lessor on a Kubernetes control plane of its own; KUBECONFIG=… uses that cluster
	@deploy/local/run.sh run "$(NAMED_KUBECONFIG)"

.PHONY: test
test: $(VENV) ## all tests but the longest searches; KUBECONFIG=… uses that cluster, if LESSOR_TEST_ALLOW_CLUSTER=1
	@deploy/local/build.sh > /dev/null
	@$(if $(NAMED_KUBECONFIG),KUBECONFIG_FOR_TESTS="$(abspath $(NAMED_KUBECONFIG))" $(PYTEST) tests -m "not long",$(PYTEST) tests -m "not long" -n 2)

.PHONY: check
check: $(VENV) ## format, lint, types, imports, generated files, unit tests and simulation: under 40 s
	@$(MAKE) --jobs=3 --output-sync=target --keep-going lint types imports generated units

# The parts of check. They run side by side, the longest first.
.PHONY: units types lint imports generated
units: $(VENV)
	@$(PYTEST) tests -m "not cluster and not search" -n 2 -q
types: $(VENV)
	@$(BIN)/mypy
lint: $(VENV)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
imports: $(VENV)
	@$(BIN)/lint-imports --no-logo
generated: $(VENV)
	@$(BIN)/python -m lessor.api.generate --check

.PHONY: up
up: ## a Kubernetes control plane on this machine, and how to use it
	@deploy/local/run.sh up

.PHONY: down
down: ## stops it; leaves nothing running
	@deploy/local/run.sh down

.PHONY: lock
lock: $(VENV) ## both requirements files, with hashes, after a change of pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-tools
	@$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-header --strip-extras --output-file requirements.txt pyproject.toml
	@$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-header --strip-extras --extra dev --output-file requirements-dev.txt pyproject.toml

.PHONY: generate
generate: $(VENV) ## crds/ and docs/reference/ from the models in operator/lessor/api
	@$(BIN)/python -m lessor.api.generate

.PHONY: search
search: $(VENV) ## the longest searches: matching, queues, races; minutes
	@deploy/local/build.sh > /dev/null
	@$(PYTEST) tests -m long -n 2

.PHONY: model
model: $(VENV) ## the protocol's model at its large bounds: minutes
	@$(BIN)/python -m tests.model

.PHONY: bench
bench: $(VENV) ## the benchmarks: a table and the ratios to raw writes
	@deploy/local/build.sh > /dev/null
	@$(BIN)/python -m tests.bench.main

.PHONY: clean
clean: down ## down, and removes what make has made in this folder
	@rm -rf .local .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(REQUIREMENTS):
	@echo "making .venv from requirements-dev.txt"
	@python=$$(deploy/local/python.sh); "$$python" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@rm -f .venv/.requirements-*
	@touch $@

$(VENV): $(REQUIREMENTS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@rm -f .venv/.project-*
	@touch $@
