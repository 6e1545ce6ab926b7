#!/usr/bin/env bash
# Builds the dev container's image anew.
set -euo pipefail
# shellcheck source=build-support/bootstrap/devcontainer.sh
source "$(dirname "${BASH_SOURCE[0]}")/../build-support/bootstrap/devcontainer.sh"

need_docker
build_devcontainer || devcontainer_fail "the image cannot be built (the cause is above)."
