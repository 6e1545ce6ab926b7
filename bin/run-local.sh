#!/usr/bin/env bash
# Runs a pipeline on this machine, with a local server in place of AWS. Needs no AWS account,
# credentials or Docker.
#
#   bin/run-local.sh region-report [--output-dir DIR]
#   bin/run-local.sh event-checkpoint [--files N] [--source DIR] [--output-dir DIR]
#   bin/run-local.sh patch-tracker [--mbox FILE] [show MESSAGE-ID | search … | export …]
#   bin/run-local.sh invoke FUNCTION EVENT.json [--logs]
#   bin/run-local.sh up [--port N]
#
# --help after a command lists all its options. The first run installs what is needed, which takes
# some seconds. Each run uses the code as it is in the repository now.
set -euo pipefail
root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=build-support/bootstrap/bootstrap.sh
source "${root}/build-support/bootstrap/bootstrap.sh"

case "${1:-}" in
  "")
    print_help >&2
    exit 2
    ;;
  -h | --help)
    print_help
    exit
    ;;
esac

[[ " $* " == *" --help "* || " $* " == *" -h "* ]] || install_in_background
exec_module local_cloud.cli "$@"
