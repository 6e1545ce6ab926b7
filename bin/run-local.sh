#!/usr/bin/env bash
# Runs a pipeline on this machine, against a local stand-in for AWS: no account, no Docker, no key.
#
#   bin/run-local.sh region-report [--output-dir DIR] [--help]
#   bin/run-local.sh event-checkpoint [--files N] [--source DIR] [--output-dir DIR]
#   bin/run-local.sh patch-tracker [--mbox FILE] [show MESSAGE-ID | search … | export …]
#   bin/run-local.sh invoke FUNCTION EVENT.json [--logs]
#   bin/run-local.sh up [--port N]
#
# The first run sets everything up; each run uses the code as it is in the clone.
set -euo pipefail
root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=build-support/bootstrap/bootstrap.sh
source "${root}/build-support/bootstrap/bootstrap.sh"

exec_module run_local.cli "$@"
