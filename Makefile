# The everyday commands. `make` alone lists them.

run := ./bin/exec-in-devcontainer.sh
# What a command works on: all, or for example on="common/src/python/lambda_core::".
on ?= ::

.DEFAULT_GOAL := help
.PHONY: help test deep-tests coverage lint fmt check package report venv upgrade lock ci clean

help: ## List the commands.
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1@\2/p' $(MAKEFILE_LIST) | column -t -s@

test: ## Run the tests.
	$(run) pants test $(on)

deep-tests: ## Run the tests with many more examples, chosen at random.
	HYPOTHESIS_PROFILE=deep $(run) pants test --timeout-default=3600 $(on)

coverage: ## Run the tests, and measure what they cover; see dist/coverage/python/htmlcov/index.html.
	$(run) pants test --use-coverage $(on)

lint: ## Check Python, shell, Dockerfiles and YAML.
	$(run) pants lint $(on)

fmt: ## Fix and format what can be.
	$(run) pants fix fmt $(on)

check: ## Check the types.
	$(run) pants check $(on)

package: ## Build everything that is deployed or handed on, into dist/.
	$(run) pants package $(on)

report: ## Make the region and service report, without an AWS account.
	./bin/run-local.sh region-report

venv: ## Export the packages to dist/export, for an IDE.
	$(run) pants export --resolve=python-default

lock: ## Write the lockfiles anew after a change of requirements; other versions stay.
	./bin/upgrade-lockfiles.sh --keep

upgrade: ## Write the lockfiles anew with the newest versions.
	./bin/upgrade-lockfiles.sh

ci: ## Run everything that must hold before a change lands.
	./.ci/run

clean: ## Remove what was built.
	rm -rf dist
