#!/usr/bin/env bash
# Checks a deployed stack and changes nothing: a plan is empty, functions, state machines, tables and
# buckets exist and work, and no alarm is active. With --run, it first starts what the schedules start.
#
#   bin/verify-deploy.sh STACK ENV [--run] [--profile PROFILE] [--region REGION]
#   bin/verify-deploy.sh region_report prod
set -euo pipefail
root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=build-support/bootstrap/bootstrap.sh
source "${root}/build-support/bootstrap/bootstrap.sh"

exec_module deployment.verify_cli "$@"
