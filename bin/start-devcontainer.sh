#!/usr/bin/env bash
# Starts the dev container, and builds it where that has not been done.
set -euo pipefail
# shellcheck source=build-support/bootstrap/devcontainer.sh
source "$(dirname "${BASH_SOURCE[0]}")/../build-support/bootstrap/devcontainer.sh"

need_docker
start_devcontainer || devcontainer_fail "the dev container does not start (the cause is above)."
printf 'The dev container runs: %s\n' "$(devcontainer_id)"
