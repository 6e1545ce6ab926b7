#!/usr/bin/env bash
# Links dist/venv to the environment that the code runs in and is tested in, for an IDE. Makes the
# environment if it is missing. After a change of the lockfile, run it again.
set -euo pipefail
# shellcheck source=build-support/bootstrap/bootstrap.sh
source "$(dirname "${BASH_SOURCE[0]}")/bootstrap.sh"

python="$(environment_python)" || exit 1
mkdir -p "${repository_root}/dist"
ln -sfn "${python%/bin/python}" "${repository_root}/dist/venv"
printf '%s\n' "${repository_root}/dist/venv/bin/python"
