#!/usr/bin/env bash
# Packages a stack with Pants and deploys it with Terraform, to an AWS account or to the local cloud.
#
#   bin/deploy.sh STACK ENV [--plan | --destroy] [--profile PROFILE] [--region REGION]
#   bin/deploy.sh STACK ENV --local
#   bin/deploy.sh region_report dev --local
#
# Runs in the dev container or on a machine with Terraform. --help lists all options.
set -euo pipefail
root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=build-support/bootstrap/bootstrap.sh
source "${root}/build-support/bootstrap/bootstrap.sh"

exec_module deployment.cli "$@"
