#!/usr/bin/env bash
# Opens a shell in the dev container, which is started where it does not run.
set -euo pipefail
# shellcheck source=build-support/bootstrap/devcontainer.sh
source "$(dirname "${BASH_SOURCE[0]}")/../build-support/bootstrap/devcontainer.sh"

need_docker
start_devcontainer >&2 || devcontainer_fail "the dev container does not start (the cause is above)."
exec_in_devcontainer bash -l
