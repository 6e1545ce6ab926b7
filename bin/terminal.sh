#!/usr/bin/env bash
# Opens a shell in the dev container, and starts the container first if it is not running.
#
#   bin/terminal.sh
#
# Needs a running Docker engine.
set -euo pipefail
# shellcheck source=build-support/bootstrap/devcontainer.sh
source "$(dirname "${BASH_SOURCE[0]}")/../build-support/bootstrap/devcontainer.sh"

takes_no_arguments "$@"
need_docker
start_devcontainer >&2 || fail "the dev container does not start (the cause is above)."
exec_in_devcontainer bash -l
