#!/usr/bin/env bash
# Proves that stacks which were deployed from an earlier commit can be upgraded to this one.
#
#   build-support/ci/prove_upgrade.sh COMMIT [STACK…]
#   build-support/ci/prove_upgrade.sh b2eee76 region_report
#
# For each stack (all of them by default): applies the Terraform configuration of COMMIT to a local cloud and then
# the one in this folder, with the same packages. The upgrade must replace and delete nothing and keep all outputs,
# and a second plan must be empty. Takes some minutes for each stack; needs Terraform, but no AWS account.
set -euo pipefail
root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
# shellcheck source=build-support/bootstrap/bootstrap.sh
source "${root}/build-support/bootstrap/bootstrap.sh"

exec_module deployment.proof.upgrade "$@"
