# shellcheck shell=bash
#
# The dev container as the scripts in bin/ see it. Sourced, not run.
#
# The container is told apart by the label that editors and the devcontainer command give theirs, so
# that all of them work with one and the same. Where that command is not installed, docker alone
# builds and starts the container, which then lacks what only it can add: the feature
# docker-in-docker.

devcontainer_root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
# As in .devcontainer/devcontainer.json; a test holds the two together.
devcontainer_workspace=/workspace
devcontainer_user=vscode
devcontainer_image=region-service-report-dev
devcontainer_cache_volume=region-service-report-cache

devcontainer_fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

inside_devcontainer() {
  [[ -n "${IN_DEVCONTAINER:-}" ]]
}

# docker_answers: whether there is an engine behind the docker command. A remote engine that is out
# of reach would let the question hang.
docker_answers() {
  local limit=()
  command -v docker >/dev/null || return 1
  command -v timeout >/dev/null && limit=(timeout 10)
  ${limit[@]+"${limit[@]}"} docker info >/dev/null 2>&1
}

need_docker() {
  inside_devcontainer && devcontainer_fail "this is the dev container already."
  docker_answers || devcontainer_fail "no Docker engine answers; start one, or run commands without the container: bin/exec-in-devcontainer.sh does."
}

# devcontainer_id [OPTION…]: prints the id of this clone's container, running or, with --all, not.
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

# start_devcontainer: starts the container where it does not run yet; builds it where need be.
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
  # Docker would make it where it is missing, as root's.
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

# devcontainer_path PATH: prints what PATH is in the container; fails where it is not there.
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

# set_passed_on: sets passed_on to the options of docker that give a command the variables that the
# commands of this project read. Docker is told their names alone, for the values may be secret.
set_passed_on() {
  local name path
  passed_on=()
  while IFS= read -r name; do
    case "${name}" in
      # Paths.
      AWS_CA_BUNDLE | AWS_CONFIG_FILE | AWS_SHARED_CREDENTIALS_FILE | AWS_WEB_IDENTITY_TOKEN_FILE | \
        CACHE_DIR | OUTPUT_DIR | SHARED_DATA_DIR | \
        TF_CLI_CONFIG_FILE | TF_DATA_DIR | TF_LOG_PATH | TF_PLUGIN_CACHE_DIR | TF_PLUGIN_MIRROR)
        if ! path="$(devcontainer_path "${!name}")"; then
          printf '%s: %s=%s is not passed on: the dev container has the clone and ~/.aws, and no other folder of this machine.\n' \
            "$(basename "$0")" "${name}" "${!name}" >&2
        elif [[ "${path}" == "${!name}" ]]; then
          passed_on+=(--env "${name}")
        else
          passed_on+=(--env "${name}=${path}")
        fi
        ;;
      AWS_* | TF_* | \
        CACHE_ENABLED | CACHE_HOURS | CACHE_TTL | MAX_RETRIES | MAX_WORKERS | S3_CACHE_BUCKET | SSM_REGIONS | \
        CI | HYPOTHESIS_PROFILE | LOG_LEVEL | NO_COLOR)
        passed_on+=(--env "${name}")
        ;;
    esac
  done < <(compgen -e)
}

# exec_in_devcontainer COMMAND…: becomes COMMAND in the running container, in the folder that
# corresponds to this one.
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
