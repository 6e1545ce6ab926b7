# The everyday commands. `make` alone lists them.

run := ./bin/exec-in-devcontainer.sh
# The files that a command works on: all, or for example on="common/src/python/lambda_core::".
on ?= ::

.DEFAULT_GOAL := help
.PHONY: help test deep-tests coverage lint fmt check package report venv upgrade lock ci clean

help: ## List the commands.
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1@\2/p' $(MAKEFILE_LIST) | column -t -s@

test: ## Run all tests.
	$(run) pants test $(on)

deep-tests: ## Run the tests with many more, random examples.
	HYPOTHESIS_PROFILE=deep $(run) pants test --timeout-default=3600 $(on)

coverage: ## Run the tests and measure coverage; the report is dist/coverage/python/htmlcov/index.html.
	$(run) pants test --use-coverage $(on)

lint: ## Check Python, shell, Dockerfiles and YAML, and which package imports which.
	$(run) pants lint $(on)
	build-support/checks/check_imports.sh

fmt: ## Format, and fix what can be fixed automatically.
	$(run) pants fix fmt $(on)

check: ## Check the types with mypy.
	$(run) pants check $(on)

package: ## Build all packages into dist/.
	$(run) pants package $(on)

report: ## Create the region and service report, without an AWS account.
	./bin/run-local.sh region-report

venv: ## Make the environment that the code runs in, for an IDE; its interpreter is dist/venv/bin/python.
	$(run) build-support/bootstrap/venv.sh

lock: ## Update the lockfiles after a change of requirements; other versions stay.
	./bin/upgrade-lockfiles.sh --keep

upgrade: ## Update the lockfiles to the newest versions.
	./bin/upgrade-lockfiles.sh

ci: ## Run all checks that a change must pass.
	./.ci/run

clean: ## Remove what was built.
	rm -rf dist
