#!/usr/bin/env bash
# Deploys, or plans, each stack of the pipelines in one environment, as CI does.
#
#   build-support/ci/each_stack.sh ENV [ARGUMENT of bin/deploy.sh…]
#
# Not the stack of GitHub's roles: a role that could change itself could do everything.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

environment="${1:?which environment?}"
shift
for main in terraform/stacks/*/main.tf; do
  stack="$(basename "$(dirname "${main}")")"
  [[ "${stack}" == github_oidc ]] && continue
  printf '\n=== %s in %s\n' "${stack}" "${environment}"
  bin/deploy.sh "${stack}" "${environment}" "$@"
done
