#!/usr/bin/env bash
# Checks which package may import which: the contracts in [tool.importlinter] of pyproject.toml.
#
#   build-support/checks/check_imports.sh
#
# A package that no contract knows, or a folder without __init__.py inside a package, would escape
# the check. So both are errors.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=build-support/bootstrap/bootstrap.sh
source build-support/bootstrap/bootstrap.sh

failed=0
known="$(sed -n '/^root_packages/,/^]/p' pyproject.toml)"
roots=(common/src/python lambda/*/src/python)
for root in "${roots[@]}"; do
  for package in "${root}"/*/; do
    name="$(basename "${package}")"
    [[ "${name}" == __pycache__ ]] && continue
    if [[ "${known}" != *"\"${name}\""* ]]; then
      printf '%s: add it to root_packages of [tool.importlinter] in pyproject.toml\n' "${package}" >&2
      failed=1
    fi
    while IFS= read -r folder; do
      if compgen -G "${folder}/*.py" >/dev/null && [[ ! -e "${folder}/__init__.py" ]]; then
        printf '%s: __init__.py is missing\n' "${folder}" >&2
        failed=1
      fi
    done < <(find "${package%/}" -type d -not -name __pycache__)
  done
done

python="$(locked_python checks build-support/checks/checks.lock "the checks of configurations")"
PYTHONPATH="$(
  IFS=:
  printf '%s' "${roots[*]}"
)" "${python%/python}/lint-imports" --no-cache --no-logo || failed=1
exit "${failed}"
