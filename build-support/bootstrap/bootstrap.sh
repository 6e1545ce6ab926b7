# shellcheck shell=bash
#
# Set-up shared by the scripts in bin/: finds the interpreters, and fills a per-user folder under
# ~/.cache with Pants and with uv, each from pinned and hashed packages. Sourced, not run. Written
# for bash 3.2, which is what macOS has.

bootstrap_dir="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
bootstrap_cache="${XDG_CACHE_HOME:-${HOME:?is not set, so there is no place for the tools}/.cache}/pants-from-pypi"

# Pants runs on the first, the project's code on the second.
PANTS_PYTHON_VERSION=3.9
CODE_PYTHON_VERSION=3.12

bootstrap_fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

bootstrap_say() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
}

# usable_python CANDIDATE VERSION: prints the path of the interpreter behind CANDIDATE, if it runs,
# is of that version and has the modules that Pants and Pex cannot do without. A candidate is run
# because its name proves nothing: a pyenv shim exists for versions that are not active, and
# Debian's python3 comes without ensurepip.
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

# find_python VERSION: prints the first usable interpreter of that version. The variable
# PYTHON_3_9 or PYTHON_3_12, where set, names the only candidate.
find_python() {
  local version="$1" override="PYTHON_${1//./_}" candidate
  if [[ -n "${!override:-}" ]]; then
    usable_python "${!override}" "${version}"
    return
  fi
  while IFS= read -r candidate; do
    usable_python "${candidate}" "${version}" && return
  done < <(
    type -ap "python${version}" python3
    printf '%s\n' \
      "${PYENV_ROOT:-${HOME}/.pyenv}/versions/${version}".*/bin/"python${version}" \
      "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-${HOME}/.local/share}/uv/python}/cpython-${version}."*/bin/"python${version}" \
      {/opt/homebrew,/usr/local}/opt/"python@${version}/bin/python${version}" \
      "/Library/Frameworks/Python.framework/Versions/${version}/bin/python${version}"
  )
  return 1
}

# hold_lock PYTHON FILE: waits until no other set-up holds FILE, then holds it on descriptor 9
# until release_lock or the end of this process, however it ends. (macOS has no flock command; a
# flock belongs to the open file, so one that a child takes on an inherited descriptor stays.)
hold_lock() {
  mkdir -p "$(dirname "$2")"
  exec 9>>"$2"
  "$1" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
}

release_lock() {
  exec 9>&-
}

# fill DIRECTORY PYTHON LOCKFILE: a virtual environment with what LOCKFILE pins. Starts anew,
# whatever an interrupted run left.
fill_venv() {
  rm -rf "$1"
  "$2" -m venv "$1" &&
    "$1/bin/python" -m pip install -qq --disable-pip-version-check --no-deps \
      --require-hashes -r "$3"
}

digest_of() {
  git hash-object "$1" | cut -c1-16
}

# pinned_uv: prints the path of the pinned uv, installed on first use by whichever Python 3.8 or
# later is there.
pinned_uv() {
  local lockfile="${bootstrap_dir}/uv.lock" home candidate
  home="${bootstrap_cache}/uv-$(digest_of "${lockfile}")"
  if [[ ! -e "${home}/ready" || ! -x "${home}/venv/bin/uv" ]]; then
    candidate="$(any_python)" || return 1
    hold_lock "${candidate}" "${home}.lock" || return 1
    if [[ ! -e "${home}/ready" || ! -x "${home}/venv/bin/uv" ]]; then
      rm -f "${home}/ready"
      fill_venv "${home}/venv" "${candidate}" "${lockfile}" >&2 && : >"${home}/ready" || return 1
    fi
    release_lock
  fi
  printf '%s\n' "${home}/venv/bin/uv"
}

any_python() {
  local version
  for version in 3.13 3.12 3.11 3.14 3.10 3.9 3.8; do
    find_python "${version}" && return
  done
  return 1
}

# need_python VERSION PURPOSE: prints an interpreter of that version, installed by uv where none is
# found; else says in one line what to do, and ends the script.
need_python() {
  local version="$1" override="PYTHON_${1//./_}" uv log
  find_python "${version}" && return
  if [[ -n "${!override:-}" ]]; then
    bootstrap_fail "${override}=${!override} is no working CPython ${version} with venv, ssl and sqlite3; correct the variable or unset it."
  fi
  log="${bootstrap_cache}/uv-python-install-${version}.log"
  mkdir -p "${bootstrap_cache}"
  if uv="$(command -v uv || pinned_uv 2>>"${log}")"; then
    bootstrap_say "no CPython ${version} found, which ${2} needs; trying 'uv python install ${version}'"
    if "${uv}" python install "${version}" >"${log}" 2>&1 &&
      usable_python "$("${uv}" python find --no-project --managed-python "${version}" 2>>"${log}")" "${version}"; then
      return
    fi
  fi
  bootstrap_fail "no CPython ${version} found, which ${2} needs, and uv could not install one (${log}); install it (pyenv install ${version}, or your system's python${version} with its venv package) or set ${override} to its path."
}

# remembered_code_python: prints the interpreter for the code that an earlier run verified. Looking
# for one each time would cost as much as a warm start of Pants.
remembered_code_python() {
  local remembered
  [[ -z "${PYTHON_3_12:-}" ]] &&
    remembered="$(cat "${pants_home}/code-python" 2>/dev/null)" &&
    [[ -x "${remembered}" ]] &&
    printf '%s\n' "${remembered}"
}

remember_code_python() {
  printf '%s\n' "${code_python}" >"${pants_home}/code-python.$$"
  mv "${pants_home}/code-python.$$" "${pants_home}/code-python"
}

pants_is_ready() {
  [[ -e "${pants_home}/ready" && -x "${pants_home}/venv/bin/python" ]]
}

# install_pants PYTHON: fills pants_home. Every flag of the Pex build counts: the file must be the
# same, byte for byte, on every machine, because pants.toml states its digest. Left to itself,
# Pants 2.17 fetches a Pex that cannot build for CPython 3.12.
install_pants() {
  local lockfile="${bootstrap_dir}/pants.lock" pex
  pex="$(sed -n 's/^pex==\([0-9.]*\).*/\1/p' "${lockfile}")"
  rm -f "${pants_home}/ready"
  # shellcheck disable=SC2088  # Pex expands the tilde, at run time.
  fill_venv "${pants_home}/venv" "$1" "${lockfile}" &&
    "${pants_home}/venv/bin/pex" "pex==${pex}" --script pex --no-strip-pex-env --no-compile \
      --no-compress --disable-cache --runtime-pex-root '~/.cache/pex' \
      --python-shebang '/usr/bin/env python3' --output-file "${pants_home}/pex-v${pex}" &&
    : >"${pants_home}/ready"
}

# bootstrap_pants: makes Pants ready; sets pants_home (venv/bin/pants and the Pex file are in it)
# and code_python (the interpreter for the code).
bootstrap_pants() {
  local pants_python
  pants_home="${bootstrap_cache}/pants-$(digest_of "${bootstrap_dir}/pants.lock")"
  code_python="$(remembered_code_python)" ||
    code_python="$(need_python "${CODE_PYTHON_VERSION}" "the project's code")" || exit 1
  if ! pants_is_ready; then
    pants_python="$(need_python "${PANTS_PYTHON_VERSION}" "Pants")" || exit 1
    hold_lock "${pants_python}" "${pants_home}.lock"
    if ! pants_is_ready; then
      bootstrap_say "setting up Pants in ${pants_home} (once, about half a minute)"
      mkdir -p "${pants_home}"
      install_pants "${pants_python}" ||
        bootstrap_fail "Pants could not be set up (the cause is above); run the command again when it is gone."
    fi
    [[ -n "${PYTHON_3_12:-}" ]] || remember_code_python
    release_lock
  fi
}

# The environment that Pants exports: all packages of the default lockfile, and nothing of the
# project's own code, which is therefore never a stale copy.
environment_dir="${bootstrap_dir%/build-support/bootstrap}/dist/export/python/virtualenvs/python-default"
environment_lockfile="${bootstrap_dir%/build-support/bootstrap}/3rdparty/python/default.lock"

# environment_python: prints the interpreter of the exported environment, if that was made from the
# lockfile as it is now.
environment_python() {
  local python
  for python in "${environment_dir}"/*/bin/python; do
    if [[ -x "${python}" ]] && cmp -s "${environment_lockfile}" "${environment_dir}/made-from.lock"; then
      printf '%s\n' "${python}"
      return
    fi
  done
  return 1
}

# need_environment: exports the environment where it is missing or was made from another lockfile.
need_environment() {
  environment_python >/dev/null && return
  bootstrap_pants
  hold_lock "${code_python}" "${bootstrap_cache}/export.lock"
  if ! environment_python >/dev/null; then
    bootstrap_say "installing the packages that the code runs on (once for each lockfile, about two minutes)"
    rm -rf "${environment_dir}"
    "${bootstrap_dir}/../../bin/pants" --no-pantsd export --resolve=python-default >&2 9>&- ||
      bootstrap_fail "the packages could not be installed (the cause is above); run the command again when it is gone."
    cp "${environment_lockfile}" "${environment_dir}/made-from.lock"
    environment_python >/dev/null ||
      bootstrap_fail "Pants exported no environment to ${environment_dir}; delete that folder and run the command again."
  fi
  release_lock
}

# exec_module MODULE [ARGUMENT…]: runs a module of the project's own code in this process's place, so
# that signals reach it. -I: neither the folder that this is called in nor the user's PYTHON…
# variables change what is run; -u: progress is seen at once.
exec_module() {
  need_environment
  exec "$(environment_python)" -I -u -c '
import runpy, sys
root, module = sys.argv.pop(1), sys.argv.pop(1)
folders = ("common", "lambda/event_log_checkpoint")
sys.path[:0] = [f"{root}/{folder}/src/python" for folder in folders]
runpy.run_module(module, run_name="__main__", alter_sys=True)
' "${bootstrap_dir%/build-support/bootstrap}" "$@"
}

# locked_python NAME LOCKFILE WHAT: prints the interpreter of an environment of what LOCKFILE pins, and
# nothing else; installed on first use.
locked_python() {
  local name="$1" lockfile="$2" what="$3" home python
  home="${bootstrap_cache}/${name}-$(digest_of "${lockfile}")"
  if [[ ! -e "${home}/ready" || ! -x "${home}/venv/bin/python" ]]; then
    python="$(need_python "${CODE_PYTHON_VERSION}" "${what}")" || exit 1
    hold_lock "${python}" "${home}.lock"
    if [[ ! -e "${home}/ready" || ! -x "${home}/venv/bin/python" ]]; then
      bootstrap_say "setting up ${what} in ${home} (once, a quarter of a minute or more)"
      rm -f "${home}/ready"
      fill_venv "${home}/venv" "${python}" "${lockfile}" >&2 ||
        bootstrap_fail "${what} could not be set up (the cause is above); run the command again when it is gone."
      : >"${home}/ready"
    fi
    release_lock
  fi
  printf '%s\n' "${home}/venv/bin/python"
}

# lambda_runtime_python: prints the interpreter of an environment with what Lambda's own runtime
# holds, and nothing else.
lambda_runtime_python() {
  locked_python lambda-runtime "${bootstrap_dir%/build-support/bootstrap}/3rdparty/python/lambda-runtime.lock" "the local Lambda runtime"
}
