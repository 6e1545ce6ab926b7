#!/usr/bin/env bash
# Writes every lockfile anew from its requirements.
#
#   bin/upgrade-lockfiles.sh          the newest versions that the requirements allow
#   bin/upgrade-lockfiles.sh --keep   versions stay; only what was added or changed is resolved
#
# A lockfile is a requirements file with hashes that names no registry, so that it serves wherever
# packages come from. It holds for every platform at once.
set -euo pipefail
root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "${root}"
# shellcheck source=build-support/bootstrap/bootstrap.sh
source build-support/bootstrap/bootstrap.sh

upgrade=(--upgrade)
case "${1:-}" in
  "") ;;
  --keep) upgrade=() ;;
  *)
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0" >&2
    exit 2
    ;;
esac

uv="$(pinned_uv)" || bootstrap_fail "uv could not be installed (the cause is above); it needs any Python 3.8 or later."

# lock PYTHON_VERSION LOCKFILE ARGUMENT…
lock() {
  local version="$1" lockfile="$2"
  shift 2
  printf '%s\n' "${lockfile}"
  "${uv}" pip compile --quiet --universal --generate-hashes --no-emit-index-url \
    --python-version "${version}" --custom-compile-command bin/upgrade-lockfiles.sh \
    ${upgrade[@]+"${upgrade[@]}"} --output-file "${lockfile}" "$@"
  if grep -n '://' "${lockfile}"; then
    bootstrap_fail "${lockfile} names a host (above); state requirements by name and version only."
  fi
}

lock 3.12 3rdparty/python/default.lock 3rdparty/python/requirements.txt
lock 3.12 3rdparty/python/lambda-runtime.lock 3rdparty/python/lambda-runtime.txt
lock 3.12 3rdparty/python/tools.lock 3rdparty/python/tools.txt --constraint 3rdparty/python/default.lock
lock 3.9 3rdparty/python/pants-plugins.lock 3rdparty/python/pants-plugins.txt
lock 3.9 build-support/bootstrap/pants.lock build-support/bootstrap/pants.in \
  --override build-support/bootstrap/pants-overrides.txt
lock 3.9 build-support/bootstrap/uv.lock build-support/bootstrap/uv.in
lock 3.12 build-support/checks/checks.lock build-support/checks/checks.in
