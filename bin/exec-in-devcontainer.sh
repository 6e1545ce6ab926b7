#!/usr/bin/env bash
# Runs a command in the dev container. Without a Docker engine, or inside the container, it runs the
# command on this machine.
#
#   bin/exec-in-devcontainer.sh COMMAND [ARGUMENT…]
#   bin/exec-in-devcontainer.sh pants test ::
#   bin/exec-in-devcontainer.sh terraform -chdir=terraform/stacks/region_report plan
#
# NO_DEVCONTAINER=1 always runs it on this machine. The exit code is the command's.
set -euo pipefail
root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=build-support/bootstrap/devcontainer.sh
source "${root}/build-support/bootstrap/devcontainer.sh"

# provider_mirror: prints the folder of Terraform providers to install from, if there is one. It is for
# machines that cannot reach the registry.
provider_mirror() {
  local candidate
  for candidate in "${TF_PLUGIN_MIRROR:-}" {/opt,/usr/local/share,/usr/share,"${HOME:-}"}/tf-plugins; do
    if [[ -n "${candidate}" && -d "${candidate}" ]]; then
      printf '%s\n' "${candidate}"
      return
    fi
  done
  return 1
}

# write_terraform_config MIRROR FILE: configures Terraform to use the providers in MIRROR, and the
# registry for all others.
write_terraform_config() {
  local provider providers="" path="${1//\\/\\\\}"
  path="${path//\"/\\\"}"
  for provider in "$1"/*/*/*/; do
    provider="${provider%/}"
    providers+="\"${provider#"$1"/}\", "
  done
  mkdir -p "$(dirname "$2")"
  {
    printf 'provider_installation {\n'
    printf '  filesystem_mirror {\n    path    = "%s"\n    include = [%s]\n  }\n' "${path}" "${providers%, }"
    printf '  direct {\n    exclude = [%s]\n  }\n}\n' "${providers%, }"
  } >"$2.$$"
  mv "$2.$$" "$2"
}

exec_terraform() {
  local mirror config="${XDG_CACHE_HOME:-${HOME}/.cache}/region-service-report/terraform.tfrc"
  command -v terraform >/dev/null ||
    fail "terraform is not installed; install it (1.10 or later), or start Docker to use the dev container's."
  # The user's own configuration takes precedence. A variable that names a missing file is ignored.
  if [[ ! -e "${TF_CLI_CONFIG_FILE:-${HOME}/.terraformrc}" ]]; then
    unset TF_CLI_CONFIG_FILE
    if mirror="$(provider_mirror)"; then
      write_terraform_config "${mirror}" "${config}"
      export TF_CLI_CONFIG_FILE="${config}"
    fi
  fi
  exec terraform "$@"
}

# exec_here COMMAND…: replaces this process with COMMAND, on this machine.
exec_here() {
  case "$1" in
    pants)
      shift
      exec "${root}/bin/pants" "$@"
      ;;
    terraform)
      shift
      exec_terraform "$@"
      ;;
    *)
      exec "$@"
      ;;
  esac
}

# exec_without REASON COMMAND…: the same, and prints why the dev container is not used.
exec_without() {
  say "$1; running the command without the dev container."
  shift
  exec_here "$@"
}

case "${1:-}" in
  "")
    print_help >&2
    exit 2
    ;;
  -h | --help)
    print_help
    exit
    ;;
esac

if inside_devcontainer || [[ -n "${NO_DEVCONTAINER:-}" ]]; then
  exec_here "$@"
elif ! docker_answers; then
  exec_without "no Docker engine answers" "$@"
elif ! start_devcontainer >&2 || [[ -z "$(devcontainer_id)" ]]; then
  exec_without "the dev container does not start" "$@"
fi

if [[ "$1" == pants ]]; then
  shift
  set -- "${devcontainer_workspace}/bin/pants" "$@"
fi
exec_in_devcontainer "$@"
