#!/usr/bin/env bash
# Validates one folder of a Terraform configuration, and runs its tests.
#
#   build-support/ci/check_terraform.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

folder="${1:?which folder?}"
# Several run side by side: what they say comes in one piece.
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
    { [[ ! -d "${folder}/tests" ]] || terraform_here test; }
} || outcome=1
cat "${output}"
exit "${outcome}"
