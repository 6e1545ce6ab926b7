#!/usr/bin/env bash
# Packages again, and compares with what is in dist: the same sources must give the same bytes.
#
#   build-support/ci/rebuild.sh [--from-nothing] TARGET…
#
# Uses no result that Pants has kept. With --from-nothing it does not use the wheels either that
# were installed before: they come from the package index again, which takes some minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Pants packages into the clone only.
again=dist/again
rm -rf "${again}"
trap 'rm -rf "${again}"' EXIT
options=(--no-pantsd --no-local-cache --pants-distdir="${again}/dist")
if [[ "${1:-}" == --from-nothing ]]; then
  shift
  options+=(--named-caches-dir="${PWD}/${again}/named" --local-store-dir="${PWD}/${again}/store")
  export UV_CACHE_DIR="${PWD}/${again}/uv"
fi

# Two things of the machine that must not matter.
umask 077
TZ=Pacific/Chatham bin/pants "${options[@]}" package "$@"

same=0
different=0
while IFS= read -r file; do
  if cmp -- "dist/${file}" "${again}/dist/${file}"; then
    same=$((same + 1))
  else
    different=$((different + 1))
  fi
done < <(cd "${again}/dist" && find . -type f | sed 's,^\./,,' | sort)
printf '%d files are the same when they are built again, %d differ.\n' "${same}" "${different}"
((same > 0 && different == 0))
