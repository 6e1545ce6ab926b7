# shellcheck shell=bash
#
# What every script in bin/ needs: messages, --help and a home folder. Sourced, not run. Written for
# bash 3.2, which is the version on macOS.

# fail MESSAGE…: prints the message and ends the script with exit code 1.
fail() {
  say "$@"
  exit 1
}

# say MESSAGE…: prints a message for the user, with the name of the script.
say() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
}

# print_help: prints the comment at the top of the script that runs.
print_help() {
  sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0"
}

# takes_no_arguments ARGUMENT…: for a script without arguments: handles --help, and rejects anything
# else with exit code 2.
takes_no_arguments() {
  (($#)) || return 0
  case "$1" in
    -h | --help)
      print_help
      exit
      ;;
  esac
  say "unexpected argument: $1"
  print_help >&2
  exit 2
}

# Some services and containers start programs without HOME. Bash then takes ~ from the user database.
if [[ -z "${HOME:-}" ]]; then
  unset HOME
  HOME=~
  export HOME
  [[ -d "${HOME}" && -w "${HOME}" ]] ||
    fail "HOME is not set, and ${HOME} cannot be used in its place; set HOME to a folder that you can write to."
fi
