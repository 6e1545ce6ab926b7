#!/usr/bin/env bash
# Stops the dev container. What was built in it is still there when it is started again.
set -euo pipefail
# shellcheck source=build-support/bootstrap/devcontainer.sh
source "$(dirname "${BASH_SOURCE[0]}")/../build-support/bootstrap/devcontainer.sh"

need_docker
id="$(devcontainer_id)"
if [[ -z "${id}" ]]; then
  echo "The dev container does not run."
  exit
fi
docker stop "${id}" >/dev/null
printf 'The dev container is stopped: %s\n' "${id}"
