#!/usr/bin/env bash
# Checks a deployed stack without changing it: the plan is empty; functions, state machines, tables and
# buckets exist and work; no alarm is active. With --run, it also starts the targets of the schedules, and
# checks that each run succeeds.
#
#   bin/verify-deploy.sh STACK ENV [--run] [--profile PROFILE] [--region REGION]
#   bin/verify-deploy.sh region_report prod
#
# The exit code is 0 only if everything is as it should be.
set -euo pipefail
root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=build-support/bootstrap/bootstrap.sh
source "${root}/build-support/bootstrap/bootstrap.sh"

exec_module deployment.verify_cli "$@"
