#!/usr/bin/env bash
# Starts the dev container, and builds its image first if there is none.
#
#   bin/start-devcontainer.sh
#
# Needs a running Docker engine. bin/terminal.sh opens a shell in the container,
# bin/exec-in-devcontainer.sh runs a command in it, bin/stop-devcontainer.sh stops it.
set -euo pipefail
# shellcheck source=build-support/bootstrap/devcontainer.sh
source "$(dirname "${BASH_SOURCE[0]}")/../build-support/bootstrap/devcontainer.sh"

takes_no_arguments "$@"
need_docker
start_devcontainer || fail "the dev container does not start (the cause is above)."
printf 'The dev container is running: %s\n' "$(devcontainer_id)"
