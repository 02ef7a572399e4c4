# Two commands are all a newcomer needs: `make demo` and `make test`. Each sets up what it needs and says so.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv

.PHONY: help setup lint format test infra locks clean
help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

.venv/.uv: requirements/bootstrap.txt
	@echo "→ creating .venv"
	@$(PYTHON) -m venv .venv || { echo "Python 3.11 or newer with the venv module is needed (Debian: apt-get install python3-venv)."; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

.venv/.dev: .venv/.uv requirements/dev.txt pyproject.toml
	@echo "→ installing the locked packages for development"
	@$(UV) pip install --quiet --require-hashes -r requirements/dev.txt
	@$(UV) pip install --quiet --no-deps -e .
	@touch $@

setup: .venv/.dev ## make the development environment

format: setup ## format the sources
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: setup ## everything that reads the code without running it
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup ## all tests that fit in some minutes
	$(BIN)/pytest

infra: ## compile infra/provision/inference.bicep (needs the Bicep CLI)
	$(PYTHON) scripts/compile_infra.py

locks: .venv/.uv ## write the lock files anew (hashes, no host)
	$(UV) pip compile -q --generate-hashes --no-emit-index-url --python-version 3.11 --universal -o requirements/bootstrap.txt requirements/bootstrap.in
	$(UV) pip compile -q --generate-hashes --no-emit-index-url --python-version 3.11 --universal -o requirements/runtime.txt pyproject.toml
	$(UV) pip compile -q --generate-hashes --no-emit-index-url --python-version 3.11 --universal --group dev -o requirements/dev.txt pyproject.toml

clean: ## remove what was built
	rm -rf .venv node_modules dist build artifacts
