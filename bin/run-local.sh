#!/usr/bin/env bash
# Runs a pipeline on this machine, against a local stand-in for AWS: no account, no Docker, no key.
#
#   bin/run-local.sh region-report [--output-dir DIR] [--help]
#   bin/run-local.sh event-checkpoint [--files N] [--source DIR] [--output-dir DIR]
#   bin/run-local.sh patch-tracker [--mbox FILE] [show MESSAGE-ID | search … | export …]
#   bin/run-local.sh invoke FUNCTION EVENT.json [--logs]
#   bin/run-local.sh up [--port N]
#
# The first run sets everything up; each run uses the code as it is in the clone.
set -euo pipefail
root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=build-support/bootstrap/bootstrap.sh
source "${root}/build-support/bootstrap/bootstrap.sh"

need_environment
# -I: neither the folder that this is called in nor the user's PYTHON… variables change what is run;
# -u: progress is seen at once. Python takes this process's place, so that signals reach it.
exec "$(environment_python)" -I -u -c '
import runpy, sys
root = sys.argv.pop(1)
folders = ("common", "lambda/event_log_checkpoint")
sys.path[:0] = [f"{root}/{folder}/src/python" for folder in folders]
runpy.run_module("local_cloud.cli", run_name="__main__", alter_sys=True)
' "${root}" "$@"
