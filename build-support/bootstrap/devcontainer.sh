# shellcheck shell=bash
#
# The dev container, for the scripts in bin/. Sourced, not run.
#
# Editors and the devcontainer command label their containers. The scripts use the same label, so all of
# them use the same container. If the devcontainer command is not installed, the scripts build and start
# the container with docker alone, and it has no Docker inside: only that command can add features.

# shellcheck source=build-support/bootstrap/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

devcontainer_root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
# The same as in .devcontainer/devcontainer.json; a test compares the two.
devcontainer_workspace=/workspace
devcontainer_user=vscode
devcontainer_image=region-service-report-dev
devcontainer_cache_volume=region-service-report-cache

inside_devcontainer() {
  [[ -n "${IN_DEVCONTAINER:-}" ]]
}

# docker_answers: whether the docker command reaches an engine. The time limit is for a remote engine
# that does not respond.
docker_answers() {
  local limit=()
  command -v docker >/dev/null || return 1
  command -v timeout >/dev/null && limit=(timeout 10)
  ${limit[@]+"${limit[@]}"} docker info >/dev/null 2>&1
}

need_docker() {
  inside_devcontainer && fail "this is already the dev container."
  docker_answers || fail "no Docker engine answers; start one, or use bin/exec-in-devcontainer.sh, which runs commands without the container."
}

# devcontainer_id [OPTION…]: prints the ID of this clone's container if it is running, or with --all, if
# it exists.
devcontainer_id() {
  docker ps --quiet "$@" --filter "label=devcontainer.local_folder=${devcontainer_root}" | head -n 1
}

build_devcontainer() {
  if command -v devcontainer >/dev/null; then
    devcontainer build --workspace-folder "${devcontainer_root}" --image-name "${devcontainer_image}"
  else
    # Docker knows these arguments; it takes the values of unset ones from its own configuration.
    docker build --tag "${devcontainer_image}" --file "${devcontainer_root}/.devcontainer/Dockerfile" \
      --build-arg HTTP_PROXY --build-arg HTTPS_PROXY --build-arg NO_PROXY \
      --build-arg http_proxy --build-arg https_proxy --build-arg no_proxy \
      "${devcontainer_root}/.devcontainer"
  fi
}

# start_devcontainer: starts the container if it is not running, and builds it first if needed.
start_devcontainer() {
  local id
  [[ -z "$(devcontainer_id)" ]] || return 0
  if command -v devcontainer >/dev/null; then
    devcontainer up --workspace-folder "${devcontainer_root}"
    return
  fi
  id="$(devcontainer_id --all)"
  if [[ -n "${id}" ]]; then
    docker start "${id}"
    return
  fi
  # If the folder were missing, Docker would make it, with root as the owner.
  mkdir -p "${HOME}/.aws" || return 1
  build_devcontainer &&
    docker run --detach --init --label "devcontainer.local_folder=${devcontainer_root}" \
      --label "devcontainer.config_file=${devcontainer_root}/.devcontainer/devcontainer.json" \
      --volume "${devcontainer_root}:${devcontainer_workspace}" \
      --volume "${devcontainer_cache_volume}:/home/${devcontainer_user}/.cache" \
      --volume "${HOME}/.aws:/home/${devcontainer_user}/.aws" \
      --env IN_DEVCONTAINER=1 --workdir "${devcontainer_workspace}" \
      "${devcontainer_image}" sleep infinity
}

# devcontainer_path PATH: prints the path of PATH in the container; fails if it is not there.
devcontainer_path() {
  case "$1" in
    "${devcontainer_root}" | "${devcontainer_root}"/*)
      printf '%s\n' "${devcontainer_workspace}${1#"${devcontainer_root}"}"
      ;;
    "${HOME}/.aws" | "${HOME}/.aws"/*)
      printf '%s\n' "/home/${devcontainer_user}${1#"${HOME}"}"
      ;;
    /*) return 1 ;;
    *) printf '%s\n' "$1" ;;
  esac
}

# copy_certificates FILE: copies a file with certificates into the clone, which the container sees, and
# prints its path there.
copy_certificates() {
  local folder="dist/dev-container"
  [[ -f "$1" ]] && mkdir -p "${devcontainer_root}/${folder}" &&
    cp "$1" "${devcontainer_root}/${folder}/$(basename "$1").$$" &&
    mv "${devcontainer_root}/${folder}/$(basename "$1").$$" "${devcontainer_root}/${folder}/$(basename "$1")" &&
    printf '%s\n' "${devcontainer_workspace}/${folder}/$(basename "$1")"
}

# is_for_packages NAME: whether a variable is about where packages come from, and how to get there.
is_for_packages() {
  case "$1" in
    # Folders and programs, which the container has itself.
    PIP_PREFIX | PIP_PYTHON | PIP_ROOT | PIP_TARGET | PIP_USER | \
      UV_INSTALL_DIR | UV_PROJECT_ENVIRONMENT | UV_PYTHON | UV_PYTHON_INSTALL_DIR | UV_TOOL_*) return 1 ;;
    PIP_* | UV_* | ALL_PROXY | HTTP_PROXY | HTTPS_PROXY | NO_PROXY | \
      all_proxy | http_proxy | https_proxy | no_proxy) return 0 ;;
    CURL_CA_BUNDLE | GIT_SSL_CAINFO | NODE_EXTRA_CA_CERTS | REQUESTS_CA_BUNDLE | SSL_CERT_FILE) return 0 ;;
  esac
  return 1
}

# is_for_commands NAME: whether the commands of this project read a variable.
is_for_commands() {
  case "$1" in
    AWS_* | TF_* | \
      CACHE_DIR | CACHE_ENABLED | CACHE_HOURS | CACHE_TTL | MAX_RETRIES | MAX_WORKERS | OUTPUT_DIR | \
      S3_CACHE_BUCKET | SSM_REGIONS | SHARED_DATA_DIR | CI | HYPOTHESIS_PROFILE | LOG_LEVEL | NO_COLOR) ;;
    *) return 1 ;;
  esac
}

# set_path_in_container NAME: if the value of a variable is a path, sets path to that path in the
# container; else to nothing. Fails with a message if the container does not have the file or folder.
set_path_in_container() {
  path=""
  case "$1" in
    AWS_CA_BUNDLE | CURL_CA_BUNDLE | GIT_SSL_CAINFO | NODE_EXTRA_CA_CERTS | PIP_CERT | REQUESTS_CA_BUNDLE | \
      SSL_CERT_FILE)
      path="$(devcontainer_path "${!1}" || copy_certificates "${!1}")" && return
      ;;
    AWS_CONFIG_FILE | AWS_SHARED_CREDENTIALS_FILE | AWS_WEB_IDENTITY_TOKEN_FILE | \
      CACHE_DIR | OUTPUT_DIR | SHARED_DATA_DIR | \
      TF_CLI_CONFIG_FILE | TF_DATA_DIR | TF_LOG_PATH | TF_PLUGIN_CACHE_DIR | TF_PLUGIN_MIRROR)
      path="$(devcontainer_path "${!1}")" && return
      ;;
    PIP_* | UV_*)
      case "${!1}" in
        /*) path="$(devcontainer_path "${!1}")" && return ;;
        file:*) ;;
        *) return ;;
      esac
      ;;
    *) return ;;
  esac
  say "$1=${!1} is not passed on: the dev container has the clone and ~/.aws, and no other folder of this machine."
  return 1
}

# set_passed_on: sets passed_on to the options of docker that give a command the variables of this
# machine that it reads. Docker gets only the names of unchanged variables: their values may be secret,
# and every user can read a command line.
set_passed_on() {
  local name path
  passed_on=()
  while IFS= read -r name; do
    is_for_packages "${name}" || is_for_commands "${name}" || continue
    set_path_in_container "${name}" || continue
    if [[ -z "${path}" || "${path}" == "${!name}" ]]; then
      passed_on+=(--env "${name}")
    else
      passed_on+=(--env "${name}=${path}")
    fi
  done < <(compgen -e)
}

# write_environment FILE: writes the variables about packages for a container that an editor creates.
write_environment() {
  local name path
  mkdir -p "$(dirname "$1")"
  (
    umask 077
    : >"$1"
    while IFS= read -r name; do
      is_for_packages "${name}" || continue
      set_path_in_container "${name}" || continue
      # The format of the file has no way to write a line break.
      [[ "${!name}" == *$'\n'* ]] || printf '%s=%s\n' "${name}" "${path:-${!name}}" >>"$1"
    done < <(compgen -e)
  )
}

# exec_in_devcontainer COMMAND…: replaces this process with COMMAND in the running container, in the
# folder that corresponds to the current one.
exec_in_devcontainer() {
  local folder="${devcontainer_workspace}" here options=(--interactive) passed_on
  here="$(pwd -P)"
  if [[ "${here}" == "${devcontainer_root}"/* ]]; then
    folder="${devcontainer_workspace}${here#"${devcontainer_root}"}"
  fi
  [[ -t 0 && -t 1 ]] && options+=(--tty)
  set_passed_on
  options+=(${passed_on[@]+"${passed_on[@]}"})
  exec docker exec "${options[@]}" --user "${devcontainer_user}" --workdir "${folder}" \
    "$(devcontainer_id)" "$@"
}
