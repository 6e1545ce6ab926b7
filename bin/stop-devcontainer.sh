#!/usr/bin/env bash
# Stops the dev container. The next start keeps everything that was built in it.
#
#   bin/stop-devcontainer.sh
#
# Needs a running Docker engine.
set -euo pipefail
# shellcheck source=build-support/bootstrap/devcontainer.sh
source "$(dirname "${BASH_SOURCE[0]}")/../build-support/bootstrap/devcontainer.sh"

takes_no_arguments "$@"
need_docker
id="$(devcontainer_id)"
if [[ -z "${id}" ]]; then
  echo "The dev container is not running."
  exit
fi
docker stop "${id}" >/dev/null
printf 'The dev container is stopped: %s\n' "${id}"
