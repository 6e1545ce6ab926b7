#!/usr/bin/env bash
# Prepares this machine for the dev container. Editors run it before they create the container: it makes
# ~/.aws, which the container mounts, and writes the variables about package indexes, proxies and
# certificates to a file that the container reads.
set -euo pipefail
# shellcheck source=build-support/bootstrap/devcontainer.sh
source "$(dirname "${BASH_SOURCE[0]}")/devcontainer.sh"

mkdir -p "${HOME}/.aws"
write_environment "${devcontainer_root}/dist/dev-container/environment"
