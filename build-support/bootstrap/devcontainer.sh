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
    docker build --tag "${devcontainer_image}" --file "${devcontainer_root}/.devcontainer/Dockerfile" \
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

# copy_certificates FILE: copies a file with certificates to the container, and prints its path there.
# Certificates are public, so any user of the container may read them.
copy_certificates() {
  local target
  [[ -f "$1" ]] || return 1
  target="/tmp/host-certificates/$(digest_of_text "$1")-$(basename "$1")"
  docker exec --interactive --user "${devcontainer_user}" "$(devcontainer_id)" \
    sh -c 'mkdir -p "${1%/*}" && cat >"$1.$$" && mv "$1.$$" "$1"' sh "${target}" <"$1" >&2 || return 1
  printf '%s\n' "${target}"
}

digest_of_text() {
  printf '%s' "$1" | git hash-object --stdin | cut -c1-8
}

# set_passed_on: sets passed_on to the options of docker that give a command the variables of this
# machine that the project's commands and their tools read. Docker gets only the names of unchanged
# variables: their values may be secret, and every user can read a command line.
set_passed_on() {
  local name path
  passed_on=()
  while IFS= read -r name; do
    case "${name}" in
      # Certificates of the company's proxy or package index: files that this machine has.
      AWS_CA_BUNDLE | CURL_CA_BUNDLE | GIT_SSL_CAINFO | NODE_EXTRA_CA_CERTS | PIP_CERT | \
        REQUESTS_CA_BUNDLE | SSL_CERT_FILE)
        if path="$(devcontainer_path "${!name}" || copy_certificates "${!name}")"; then
          pass_path "${name}" "${path}"
        else
          say "${name}=${!name} is not passed on: it is not a file that can be copied into the dev container."
        fi
        ;;
      # Paths.
      AWS_CONFIG_FILE | AWS_SHARED_CREDENTIALS_FILE | AWS_WEB_IDENTITY_TOKEN_FILE | \
        CACHE_DIR | OUTPUT_DIR | SHARED_DATA_DIR | \
        PIP_CACHE_DIR | PIP_CONFIG_FILE | PIP_CONSTRAINT | PIP_REQUIREMENT | UV_CACHE_DIR | UV_CONFIG_FILE | \
        TF_CLI_CONFIG_FILE | TF_DATA_DIR | TF_LOG_PATH | TF_PLUGIN_CACHE_DIR | TF_PLUGIN_MIRROR)
        if path="$(devcontainer_path "${!name}")"; then
          pass_path "${name}" "${path}"
        else
          say "${name}=${!name} is not passed on: the dev container has the clone and ~/.aws, and no other folder of this machine."
        fi
        ;;
      # Folders and programs of this machine, which the container has itself.
      PIP_PREFIX | PIP_PYTHON | PIP_ROOT | PIP_TARGET | PIP_USER | \
        SSL_CERT_DIR | UV_INSTALL_DIR | UV_PROJECT_ENVIRONMENT | UV_PYTHON | UV_PYTHON_INSTALL_DIR | UV_TOOL_*) ;;
      AWS_* | PIP_* | TF_* | UV_* | \
        ALL_PROXY | HTTP_PROXY | HTTPS_PROXY | NO_PROXY | all_proxy | http_proxy | https_proxy | no_proxy | \
        CACHE_ENABLED | CACHE_HOURS | CACHE_TTL | MAX_RETRIES | MAX_WORKERS | S3_CACHE_BUCKET | SSM_REGIONS | \
        CI | HYPOTHESIS_PROFILE | LOG_LEVEL | NO_COLOR)
        passed_on+=(--env "${name}")
        ;;
    esac
  done < <(compgen -e)
}

# pass_path NAME PATH: adds a variable whose value is PATH in the container.
pass_path() {
  local name="$1"
  if [[ "$2" == "${!name}" ]]; then
    passed_on+=(--env "${name}")
  else
    passed_on+=(--env "${name}=$2")
  fi
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
