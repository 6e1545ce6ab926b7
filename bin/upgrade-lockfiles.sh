#!/usr/bin/env bash
# Writes every lockfile from its requirements.
#
#   bin/upgrade-lockfiles.sh          the newest versions that the requirements allow
#   bin/upgrade-lockfiles.sh --keep   keeps the versions; resolves only what was added or changed
#
# A lockfile is a requirements file with hashes. It names no registry, so it works with any mirror, and
# one file is valid for all platforms.
set -euo pipefail
root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "${root}"
# shellcheck source=build-support/bootstrap/bootstrap.sh
source build-support/bootstrap/bootstrap.sh

upgrade=(--upgrade)
case "${1:-}" in
  "") ;;
  --keep) upgrade=() ;;
  -h | --help)
    print_help
    exit
    ;;
  *)
    say "unexpected argument: $1"
    print_help >&2
    exit 2
    ;;
esac

uv="$(pinned_uv)" || fail "uv could not be installed (the cause is above); it needs any Python 3.8 or later."

# lock PYTHON_VERSION LOCKFILE ARGUMENT…
lock() {
  local version="$1" lockfile="$2"
  shift 2
  printf '%s\n' "${lockfile}"
  "${uv}" pip compile --quiet --universal --generate-hashes --no-emit-index-url \
    --python-version "${version}" --custom-compile-command bin/upgrade-lockfiles.sh \
    ${upgrade[@]+"${upgrade[@]}"} --output-file "${lockfile}" "$@"
  if grep -n '://' "${lockfile}"; then
    fail "${lockfile} names a host (above); state requirements by name and version only."
  fi
}

lock 3.12 3rdparty/python/default.lock 3rdparty/python/requirements.txt
lock 3.12 3rdparty/python/lambda-runtime.lock 3rdparty/python/lambda-runtime.txt
lock 3.12 3rdparty/python/tools.lock 3rdparty/python/tools.txt --constraint 3rdparty/python/default.lock
lock 3.9 build-support/bootstrap/pants.lock build-support/bootstrap/pants.in \
  --override build-support/bootstrap/pants-overrides.txt
lock 3.9 build-support/bootstrap/uv.lock build-support/bootstrap/uv.in
lock 3.12 build-support/checks/checks.lock build-support/checks/checks.in
