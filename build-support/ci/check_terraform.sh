#!/usr/bin/env bash
# Validates a folder with a Terraform configuration and runs its tests.
#
#   build-support/ci/check_terraform.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

folder="${1:?missing argument: FOLDER, such as terraform/stacks/region_report}"
# Several of these run at the same time, so the output is printed in a single piece.
output="$(mktemp)"
trap 'rm -f "${output}"' EXIT

terraform_here() {
  ./bin/exec-in-devcontainer.sh terraform -chdir="${folder}" "$@" >>"${output}" 2>&1
}

printf '%s\n' "${folder}" >"${output}"
outcome=0
{
  terraform_here init -backend=false -input=false &&
    terraform_here validate &&
    terraform_here test
} || outcome=1
cat "${output}"
exit "${outcome}"
