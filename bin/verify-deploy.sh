#!/usr/bin/env bash
# Checks a stack that is deployed, and changes nothing: that a plan is empty, that functions, state
# machines, tables and buckets are there and well, and that no alarm rings. With --run, what the
# schedules start is started besides, and has to end well.
#
#   bin/verify-deploy.sh STACK ENV [--run] [--profile PROFILE] [--region REGION]
#   bin/verify-deploy.sh region_report prod
set -euo pipefail
exec "$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)/deploy.sh" "$@" --verify
