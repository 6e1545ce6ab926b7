#!/usr/bin/env bash
# Checks a stack that is deployed, and changes nothing: that a plan is empty, that functions and state
# machines are there and active, and that no alarm rings.
#
#   bin/verify-deploy.sh STACK ENV [--profile PROFILE] [--region REGION]
#   bin/verify-deploy.sh region_report prod
set -euo pipefail
exec "$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)/deploy.sh" "$@" --verify
