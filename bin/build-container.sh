#!/usr/bin/env bash
# Builds the image of the dev container again, for example after a change of .devcontainer/Dockerfile.
#
#   bin/build-container.sh
#
# Needs a running Docker engine.
set -euo pipefail
# shellcheck source=build-support/bootstrap/devcontainer.sh
source "$(dirname "${BASH_SOURCE[0]}")/../build-support/bootstrap/devcontainer.sh"

takes_no_arguments "$@"
need_docker
build_devcontainer || fail "the image cannot be built (the cause is above)."
