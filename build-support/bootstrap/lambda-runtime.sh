#!/usr/bin/env bash
# Prints the interpreter of the environment in which the local cloud runs functions. The environment
# contains what 3rdparty/python/lambda-runtime.lock pins, and nothing else. The first call makes it.
set -euo pipefail
# shellcheck source=build-support/bootstrap/bootstrap.sh
source "$(dirname "${BASH_SOURCE[0]}")/bootstrap.sh"
lambda_runtime_python
