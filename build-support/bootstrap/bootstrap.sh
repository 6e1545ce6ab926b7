# shellcheck shell=bash
#
# Set-up shared by the scripts in bin/: finds the Python interpreters, and installs Pants, uv and the
# packages of each lockfile into a folder per user below ~/.cache. Sourced, not run. Written for
# bash 3.2, which is the version on macOS.

bootstrap_dir="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=build-support/bootstrap/common.sh
source "${bootstrap_dir}/common.sh"
repository_root="${bootstrap_dir%/build-support/bootstrap}"
bootstrap_cache="${XDG_CACHE_HOME:-${HOME}/.cache}/pants-from-pypi"

# Pants runs on the first, the project's code on the second.
PANTS_PYTHON_VERSION=3.9
CODE_PYTHON_VERSION=3.12

# usable_python CANDIDATE VERSION: prints the path of the interpreter behind CANDIDATE if it runs, has
# that version and has the modules that Pants and Pex need. The name alone proves nothing: pyenv has
# shims for versions that are not active, and Debian's python3 comes without ensurepip.
usable_python() {
  "$1" - "$2" 2>/dev/null <<'PYTHON'
import ctypes, ensurepip, os, sqlite3, ssl, sys, venv, zlib
executable = getattr(sys, "_base_executable", None) or sys.executable
if sys.implementation.name != "cpython" or "%d.%d" % sys.version_info[:2] != sys.argv[1]:
    sys.exit(1)
if not os.access(executable, os.X_OK):
    sys.exit(1)
print(executable)
PYTHON
}

# find_python VERSION: prints the first usable interpreter of that version. If the variable PYTHON_3_9
# or PYTHON_3_12 is set, it is the only candidate.
find_python() {
  local version="$1" override="PYTHON_${1//./_}" candidate
  if [[ -n "${!override:-}" ]]; then
    usable_python "${!override}" "${version}"
    return
  fi
  while IFS= read -r candidate; do
    usable_python "${candidate}" "${version}" && return
  done < <(
    # It fails if one of the two does not exist.
    type -ap "python${version}" python3 || true
    printf '%s\n' \
      "${PYENV_ROOT:-${HOME}/.pyenv}/versions/${version}".*/bin/"python${version}" \
      "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-${HOME}/.local/share}/uv/python}/cpython-${version}."*/bin/"python${version}" \
      {/opt/homebrew,/usr/local}/opt/"python@${version}/bin/python${version}" \
      "/Library/Frameworks/Python.framework/Versions/${version}/bin/python${version}"
  )
  return 1
}

any_python() {
  local version
  for version in 3.13 3.12 3.11 3.14 3.10 3.9 3.8; do
    find_python "${version}" && return
  done
  return 1
}

# need_python VERSION PURPOSE: prints an interpreter of that version. If none is found, uv installs
# one; if that fails, one line tells the user what to do, and the script ends.
need_python() {
  local version="$1" override="PYTHON_${1//./_}" uv log
  find_python "${version}" && return
  if [[ -n "${!override:-}" ]]; then
    fail "${override}=${!override} is not a working CPython ${version} with venv, ssl and sqlite3; correct the variable or unset it."
  fi
  log="${bootstrap_cache}/uv-python-install-${version}.log"
  mkdir -p "${bootstrap_cache}"
  if uv="$(command -v uv || pinned_uv 2>>"${log}")"; then
    say "no CPython ${version} found, which is needed for ${2}; trying 'uv python install ${version}'"
    if "${uv}" python install "${version}" >"${log}" 2>&1 &&
      usable_python "$("${uv}" python find --no-project --managed-python "${version}" 2>>"${log}")" "${version}"; then
      return
    fi
  fi
  fail "no CPython ${version} found, which is needed for ${2}, and uv could not install one (${log}); install it (pyenv install ${version}, or your system's python${version} with its venv package) or set ${override} to its path."
}

# hold_lock PYTHON FILE: waits until no other process holds FILE, then holds it on descriptor 9 until
# release_lock or the end of this process, however it ends. (macOS has no flock command. The lock
# belongs to the open file, so it stays when the child that took it has ended.)
hold_lock() {
  mkdir -p "$(dirname "$2")"
  exec 9>>"$2"
  "$1" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
}

release_lock() {
  exec 9>&-
}

digest_of() {
  git hash-object "$1" | cut -c1-16
}

# home_of NAME LOCKFILE: prints the folder for what LOCKFILE pins. Its name contains the digest of the
# lockfile, so all clones with the same lockfile share it. pants-plugins/environments relies on
# NAME being the name of the lockfile without its suffix.
home_of() {
  printf '%s/%s-%s\n' "${bootstrap_cache}" "$1" "$(digest_of "$2")"
}

# is_ready HOME [PYTHON]: whether HOME has a finished virtual environment, made with PYTHON if given.
is_ready() {
  [[ -e "$1/ready" && -x "$1/venv/bin/python" ]] &&
    [[ -z "${2:-}" || "$(cat "$1/ready")" == "$2" ]]
}

# mark_ready HOME PYTHON: records that HOME is finished, and the interpreter it was made with.
mark_ready() {
  printf '%s\n' "$2" >"$1/ready"
}

# pinned_uv: prints the path of the pinned uv. The first call installs it with any Python 3.8 or later.
pinned_uv() {
  local lockfile="${bootstrap_dir}/uv.lock" home python
  home="$(home_of uv "${lockfile}")"
  if ! is_ready "${home}"; then
    python="$(any_python)" || return 1
    hold_lock "${python}" "${home}.lock" || return 1
    if ! is_ready "${home}"; then
      rm -rf "${home}"
      {
        "${python}" -m venv "${home}/venv" &&
          "${home}/venv/bin/python" -m pip install -qq --disable-pip-version-check --no-deps \
            --require-hashes -r "${lockfile}"
      } >&2 || return 1
      mark_ready "${home}" "${python}"
    fi
    release_lock
  fi
  printf '%s\n' "${home}/venv/bin/uv"
}

# fill_venv DIRECTORY PYTHON LOCKFILE: makes a virtual environment with exactly what LOCKFILE pins,
# hashes compared. Removes what an interrupted run may have left.
fill_venv() {
  local uv
  rm -rf "$1"
  uv="$(pinned_uv)" || return 1
  # --directory: the settings of another project that the user works in do not apply.
  "${uv}" --directory "${bootstrap_dir}" venv --quiet --no-project --python "$2" "$1" &&
    "${uv}" --directory "${bootstrap_dir}" pip sync --quiet --require-hashes --python "$1/bin/python" "$3"
}

# locked_python NAME LOCKFILE WHAT: prints the interpreter of a virtual environment with exactly what
# LOCKFILE pins, for the version of Python that the code uses. The first call makes it.
locked_python() {
  local name="$1" lockfile="$2" what="$3" home python
  # uv runs in another folder.
  [[ "${lockfile}" == /* ]] || lockfile="${PWD}/${lockfile}"
  home="$(home_of "${name}" "${lockfile}")"
  if ! is_ready "${home}" "${PYTHON_3_12:-}"; then
    python="$(need_python "${CODE_PYTHON_VERSION}" "${what}")" || exit 1
    hold_lock "${python}" "${home}.lock"
    if ! is_ready "${home}" "${PYTHON_3_12:-}"; then
      say "installing ${what} into ${home} (once for each lockfile, some seconds)"
      rm -f "${home}/ready"
      fill_venv "${home}/venv" "${python}" "${lockfile}" >&2 ||
        fail "${what} could not be installed (the cause is above); correct it and run the command again. If your packages come from a mirror, both pip and uv must be set to it."
      mark_ready "${home}" "${PYTHON_3_12:-${python}}"
    fi
    release_lock
  fi
  printf '%s\n' "${home}/venv/bin/python"
}

# environment_python: prints the interpreter of the environment that the code runs on and is tested
# in: all packages of the default lockfile, without the project's own code.
environment_python() {
  locked_python default "${repository_root}/3rdparty/python/default.lock" "the project's packages"
}

# lambda_runtime_python: prints the interpreter of an environment with the packages of Lambda's own
# runtime, and nothing else.
lambda_runtime_python() {
  locked_python lambda-runtime "${repository_root}/3rdparty/python/lambda-runtime.lock" "the local Lambda runtime"
}

# install_pants PYTHON: fills pants_home. Every flag of the Pex build is needed: the file must be the
# same, byte for byte, on every machine, because pants.toml contains its digest. By default, Pants 2.17
# downloads a Pex that cannot build for CPython 3.12.
install_pants() {
  local lockfile="${bootstrap_dir}/pants.lock" pex
  pex="$(sed -n 's/^pex==\([0-9.]*\).*/\1/p' "${lockfile}")"
  rm -f "${pants_home}/ready"
  # shellcheck disable=SC2088  # Pex expands the tilde, at run time.
  fill_venv "${pants_home}/venv" "$1" "${lockfile}" &&
    "${pants_home}/venv/bin/pex" "pex==${pex}" --script pex --no-strip-pex-env --no-compile \
      --no-compress --disable-cache --runtime-pex-root '~/.cache/pex' \
      --python-shebang '/usr/bin/env python3' --output-file "${pants_home}/pex-v${pex}" &&
    mark_ready "${pants_home}" "$1"
}

# need_pants: installs Pants on first use. Sets pants_home (which contains venv/bin/pants and the Pex
# file).
need_pants() {
  local pants_python
  pants_home="$(home_of pants "${bootstrap_dir}/pants.lock")"
  if ! is_ready "${pants_home}"; then
    pants_python="$(need_python "${PANTS_PYTHON_VERSION}" "Pants")" || exit 1
    hold_lock "${pants_python}" "${pants_home}.lock"
    if ! is_ready "${pants_home}"; then
      say "installing Pants into ${pants_home} (once, some seconds)"
      install_pants "${pants_python}" ||
        fail "Pants could not be installed (the cause is above); correct it and run the command again."
    fi
    release_lock
  fi
}

# bootstrap_pants: installs Pants, the environment in which it tests the code, and uv, with which it
# builds layers. Sets pants_home and code_python (the environment's interpreter).
bootstrap_pants() {
  # shellcheck disable=SC2034  # For the scripts that source this file.
  code_python="$(environment_python)" || exit 1
  need_pants
  pinned_uv >/dev/null || fail "uv could not be installed (the cause is above); correct it and run the command again."
}

# install_in_background: on the first run, installs Pants and the Lambda runtime while the caller goes
# on. It reports no failure: the command that needs them tries again and reports it.
install_in_background() {
  is_ready "$(home_of pants "${bootstrap_dir}/pants.lock")" ||
    (need_pants && lambda_runtime_python) >/dev/null 2>&1 </dev/null &
}

# exec_module MODULE [ARGUMENT…]: replaces this process with a module of the project's own code, so
# that signals reach it. -I: neither the current folder nor the user's PYTHON… variables change what
# runs; -u: progress is visible at once.
exec_module() {
  local python
  python="$(environment_python)" || exit 1
  exec "${python}" -I -u -c '
import runpy, sys
root, module = sys.argv.pop(1), sys.argv.pop(1)
sys.path.insert(0, f"{root}/common/src/python")
runpy.run_module(module, run_name="__main__", alter_sys=True)
' "${repository_root}" "$@"
}
