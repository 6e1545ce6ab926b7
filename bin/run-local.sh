#!/usr/bin/env bash
# Runs a pipeline on this machine, with a local server in place of AWS. Needs no AWS account,
# credentials or Docker.
#
#   bin/run-local.sh COMMAND [OPTION…]        without a command, lists the commands
#
# The first run installs what is needed, which takes some seconds. Each run uses the code as it is in
# the repository now.
set -euo pipefail
root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=build-support/bootstrap/bootstrap.sh
source "${root}/build-support/bootstrap/bootstrap.sh"

[[ $# == 0 || " $* " == *" --help "* || " $* " == *" -h "* ]] || install_in_background
exec_module run_local.cli "$@"
