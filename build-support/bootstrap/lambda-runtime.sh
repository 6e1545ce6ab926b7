#!/usr/bin/env bash
# Prints the interpreter of the environment on which the local cloud runs functions: what
# 3rdparty/python/lambda-runtime.lock pins, and nothing else. Installed on first use.
set -euo pipefail
# shellcheck source=build-support/bootstrap/bootstrap.sh
source "$(dirname "${BASH_SOURCE[0]}")/bootstrap.sh"
lambda_runtime_python
