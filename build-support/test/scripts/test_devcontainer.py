"""Running commands in the dev container or without one, and the other scripts for the container."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from scripts.script_clone import ROOT, Clone, executable

from aws_ssm_fetcher.core.config import Config

PRINTS_ARGUMENTS = "pwd; printf '[%s]\\n' \"$@\"\n"

# Behaves like docker. Its state is a set of files: engine (it is available), broken (nothing
# starts), running (the container runs), stopped (it exists). Records every call in `calls`.
FAKE_DOCKER = """
state="${HOME}/docker"
printf '%s\\n' "$*" >>"${state}/calls"
case "$1" in
  info) [[ -e "${state}/engine" ]] ;;
  ps)
    [[ "$*" == *"label=devcontainer.local_folder=${CLONE}"* ]] || exit 9
    if [[ -e "${state}/running" || ( "$*" == *--all* && -e "${state}/stopped" ) ]]; then
      echo 0123abc
    fi
    ;;
  build) [[ ! -e "${state}/broken" ]] ;;
  run | start) [[ ! -e "${state}/broken" ]] && : >"${state}/running" && echo 0123abc ;;
  stop) rm "${state}/running" ;;
  exec)
    shift
    printf '[%s]\\n' "$@"
    exit 7
    ;;
  *) exit 9 ;;
esac
"""


@pytest.fixture
def docker(clone: Clone) -> Path:
    """Install a docker command with an engine behind it; returns the folder of its state."""
    state = clone.home / "docker"
    state.mkdir()
    (state / "engine").touch()
    clone.environment["CLONE"] = str(clone.root)
    clone.command("docker", FAKE_DOCKER)
    return state


def calls(state: Path) -> list[str]:
    return (state / "calls").read_text().splitlines()


def test_without_docker_the_command_runs_here_and_one_line_says_so(
    clone: Clone, tmp_path: Path
) -> None:
    clone.command("tool", PRINTS_ARGUMENTS + "exit 42\n")

    result = clone.run("exec-in-devcontainer.sh", "tool", "a b", "", "$HOME", "*", cwd=tmp_path)

    assert result.returncode == 42
    assert result.stdout.splitlines() == [str(tmp_path), "[a b]", "[]", "[$HOME]", "[*]"]
    (line,) = result.stderr.splitlines()
    assert "no Docker engine answers" in line


def test_an_engine_that_does_not_answer_counts_as_none(clone: Clone, docker: Path) -> None:
    (docker / "engine").unlink()
    clone.command("tool", PRINTS_ARGUMENTS)

    result = clone.run("exec-in-devcontainer.sh", "tool")

    assert result.returncode == 0
    assert "no Docker engine answers" in result.stderr
    assert calls(docker) == ["info"]


def test_inside_the_container_docker_is_not_called(clone: Clone, docker: Path) -> None:
    clone.command("tool", PRINTS_ARGUMENTS)

    result = clone.run("exec-in-devcontainer.sh", "tool", "x", env={"IN_DEVCONTAINER": "1"})

    assert result.stdout.splitlines() == [str(clone.root), "[x]"]
    assert result.stderr == ""
    assert not (docker / "calls").exists()


def test_pants_is_the_clones_own(clone: Clone) -> None:
    executable(clone.root / "bin" / "pants", f"#!/usr/bin/env bash\n{PRINTS_ARGUMENTS}exit 3\n")

    result = clone.run("exec-in-devcontainer.sh", "pants", "fix", "lint", "check", "test", "::")

    assert result.returncode == 3
    assert result.stdout.splitlines()[1:] == ["[fix]", "[lint]", "[check]", "[test]", "[::]"]


def test_the_command_takes_the_scripts_process(clone: Clone) -> None:
    # So both receive the same signals.
    clone.command("tool", "echo $$\n")

    process = clone.start("exec-in-devcontainer.sh", "tool")
    out, _ = process.communicate(timeout=60)

    assert int(out) == process.pid


@pytest.mark.parametrize("state", ["", "stopped", "running"])
def test_the_container_is_started_if_it_does_not_run(
    clone: Clone, docker: Path, state: str
) -> None:
    if state:
        (docker / state).touch()
    folder = clone.root / "3rdparty"

    result = clone.run("exec-in-devcontainer.sh", "tool", "a b", "", cwd=folder)

    assert result.returncode == 7
    assert result.stdout.splitlines()[-6:] == [
        *("[--workdir]", "[/workspace/3rdparty]", "[0123abc]", "[tool]", "[a b]", "[]")
    ]
    started = {call.split()[0] for call in calls(docker)} & {"build", "run", "start"}
    assert started == {"": {"build", "run"}, "stopped": {"start"}, "running": set()}[state]


def passed_on(clone: Clone, docker: Path, env: Mapping[str, str]) -> tuple[list[str], str]:
    """Run a command in the container; return the variables passed to docker, and the output."""
    (docker / "running").touch()
    result = clone.run("exec-in-devcontainer.sh", "tool", env=env)
    assert result.returncode == 7
    options = [line[1:-1] for line in result.stdout.splitlines()]
    names = [value for name, value in pairwise(options) if name == "--env"]
    assert options.count("--env") == len(names)
    assert options[-2:] == ["0123abc", "tool"]
    return names, result.stderr


def test_what_the_commands_read_of_the_environment_reaches_the_container(
    clone: Clone, docker: Path
) -> None:
    env = {
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_PROFILE": "the profile",
        "AWS_SECRET_ACCESS_KEY": "the secret\nof two lines",
        "CACHE_HOURS": "",
        "CI": "true",
        "HYPOTHESIS_PROFILE": "deep",
        "LOG_LEVEL": "DEBUG",
        "NO_COLOR": "1",
        "TF_VAR_folder": "/elsewhere",
    }

    # The values stay out of the command line, where every user of the machine could read them.
    assert passed_on(clone, docker, env) == (sorted(env), "")


def test_nothing_else_of_the_environment_reaches_the_container(clone: Clone, docker: Path) -> None:
    env = {"EDITOR": "vi", "MY_AWS_KEY": "x", "PYTHONPATH": "x", "VIRTUAL_ENV": "x"}
    assert passed_on(clone, docker, env) == ([], "")


PACKAGE_VARIABLES = {
    "ALL_PROXY": "socks5://proxy.example",
    "HTTPS_PROXY": "http://proxy.example",
    "HTTP_PROXY": "http://proxy.example",
    "NO_PROXY": "localhost",
    "PIP_DEFAULT_TIMEOUT": "180",
    "PIP_EXTRA_INDEX_URL": "https://user:secret@more.example/simple",
    "PIP_INDEX_URL": "https://user:secret@packages.example/simple",
    "UV_DEFAULT_INDEX": "https://user:secret@packages.example/simple",
    "UV_INDEX": "https://more.example/simple",
    "http_proxy": "http://proxy.example",
    "https_proxy": "http://proxy.example",
    "no_proxy": "localhost",
}


def test_settings_of_indexes_and_proxies_reach_the_container(clone: Clone, docker: Path) -> None:
    names, said = passed_on(clone, docker, PACKAGE_VARIABLES)
    # Names only: the values contain passwords.
    assert sorted(names) == sorted(PACKAGE_VARIABLES)
    assert said == ""


CERTIFICATE_VARIABLES = (
    *("AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS"),
    *("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
)


@pytest.mark.parametrize("name", CERTIFICATE_VARIABLES)
def test_certificates_of_the_machine_reach_the_container(
    clone: Clone, docker: Path, tmp_path: Path, name: str
) -> None:
    certificates = tmp_path / "company ca.pem"
    certificates.write_text("certificates")

    names, said = passed_on(clone, docker, {name: str(certificates)})

    assert names == [f"{name}=/workspace/dist/dev-container/company ca.pem"]
    assert (clone.root / "dist/dev-container/company ca.pem").read_text() == "certificates"
    assert said == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PIP_FIND_LINKS", "/opt/wheels"),
        ("PIP_CONFIG_FILE", "/etc/pip.conf"),
        ("UV_INDEX", "file:///opt/simple"),
        ("UV_CACHE_DIR", "/var/cache/uv"),
        ("SSL_CERT_FILE", "/missing/ca.pem"),
    ],
)
def test_a_package_setting_that_is_a_path_elsewhere_is_left_out(
    clone: Clone, docker: Path, name: str, value: str
) -> None:
    names, said = passed_on(clone, docker, {name: value})
    assert names == []
    (line,) = said.splitlines()
    assert f"{name}={value} is not passed on" in line


def test_interpreters_of_the_machine_stay_out_of_the_container(clone: Clone, docker: Path) -> None:
    env = {
        "PIP_TARGET": "x",
        "UV_PYTHON": "3.9",
        "UV_PYTHON_INSTALL_DIR": "x",
        "SSL_CERT_DIR": "/x",
    }
    assert passed_on(clone, docker, env) == ([], "")


def test_editors_get_the_same_settings_from_a_private_file(clone: Clone, tmp_path: Path) -> None:
    certificates = tmp_path / "ca.pem"
    certificates.write_text("certificates")
    env = PACKAGE_VARIABLES | {
        "SSL_CERT_FILE": str(certificates),
        "PIP_FIND_LINKS": "/opt/wheels",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }

    result = clone.run("../build-support/bootstrap/initialize-devcontainer.sh", env=env)

    assert result.returncode == 0, result.stderr
    assert "PIP_FIND_LINKS=/opt/wheels is not passed on" in result.stderr
    written = clone.root / "dist/dev-container/environment"
    assert written.stat().st_mode & 0o077 == 0
    lines = dict(line.split("=", 1) for line in written.read_text().splitlines())
    assert lines == PACKAGE_VARIABLES | {"SSL_CERT_FILE": "/workspace/dist/dev-container/ca.pem"}
    assert (clone.home / ".aws").is_dir()


def test_all_variables_of_the_report_reach_the_container(clone: Clone, docker: Path) -> None:
    class Asked(dict[str, str]):
        def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
            self[name] = "1"
            return default

    asked = Asked()
    Config.from_env(asked)
    assert len(asked) > 10
    assert passed_on(clone, docker, asked) == (sorted(asked), "")


def test_paths_are_those_of_the_container(clone: Clone, docker: Path) -> None:
    env = {
        "AWS_CA_BUNDLE": f"{clone.root}/certificates/ca.pem",
        "AWS_CONFIG_FILE": f"{clone.home}/.aws/other",
        "CACHE_DIR": "a folder",
        "OUTPUT_DIR": str(clone.root),
    }

    assert passed_on(clone, docker, env)[0] == [
        "AWS_CA_BUNDLE=/workspace/certificates/ca.pem",
        "AWS_CONFIG_FILE=/home/vscode/.aws/other",
        "CACHE_DIR",
        "OUTPUT_DIR=/workspace",
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("AWS_CA_BUNDLE", "AWS_SHARED_CREDENTIALS_FILE", "CACHE_DIR", "OUTPUT_DIR"),
        *("SHARED_DATA_DIR", "TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR", "TF_PLUGIN_MIRROR"),
    ],
)
def test_a_path_missing_in_the_container_is_reported_and_left_out(
    clone: Clone, docker: Path, name: str
) -> None:
    outside = f"{clone.root} of another"
    names, said = passed_on(clone, docker, {name: outside, "CI": "true"})
    assert names == ["CI"]
    (line,) = said.splitlines()
    assert f"{name}={outside} is not passed on" in line


def test_credentials_of_the_home_folder_are_the_containers_too(clone: Clone, docker: Path) -> None:
    assert clone.run("start-devcontainer.sh").returncode == 0

    (started,) = [call for call in calls(docker) if call.startswith("run ")]
    assert f" --volume {clone.home}/.aws:/home/vscode/.aws " in started
    # Docker would create it as root.
    assert (clone.home / ".aws").is_dir()


def test_pants_in_the_container_is_the_clones_own(clone: Clone, docker: Path) -> None:
    (docker / "running").touch()

    result = clone.run("exec-in-devcontainer.sh", "pants", "test", "::")

    assert result.stdout.splitlines()[-3:] == ["[/workspace/bin/pants]", "[test]", "[::]"]


def test_a_container_that_does_not_start_is_done_without(clone: Clone, docker: Path) -> None:
    (docker / "broken").touch()
    clone.command("tool", PRINTS_ARGUMENTS)

    result = clone.run("exec-in-devcontainer.sh", "tool", "x")

    assert result.returncode == 0
    assert result.stdout.splitlines()[-1] == "[x]"
    assert "the dev container does not start" in result.stderr


def test_without_a_command_the_usage_is_shown(clone: Clone) -> None:
    result = clone.run("exec-in-devcontainer.sh")

    assert result.returncode == 2
    assert "COMMAND [ARGUMENT…]" in result.stderr


def terraform_configuration(clone: Clone, env: dict[str, str]) -> str:
    """Run terraform through the script, and return the configuration that it received."""
    clone.command("terraform", 'cat "${TF_CLI_CONFIG_FILE:-/dev/null}"\n')
    result = clone.run("exec-in-devcontainer.sh", "terraform", "version", env=env)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_terraform_takes_providers_from_a_mirror(clone: Clone, tmp_path: Path) -> None:
    mirror = tmp_path / "the mirror"
    (mirror / "registry.example" / "some" / "aws" / "1.0.0").mkdir(parents=True)

    for env in ({}, {"TF_CLI_CONFIG_FILE": str(tmp_path / "missing")}):
        text = terraform_configuration(clone, env | {"TF_PLUGIN_MIRROR": str(mirror)})
        assert f'path    = "{mirror}"' in text
        assert 'include = ["registry.example/some/aws"]' in text
        assert 'exclude = ["registry.example/some/aws"]' in text


def test_terraforms_own_configuration_comes_first(clone: Clone, tmp_path: Path) -> None:
    own = tmp_path / "own.tfrc"
    own.write_text("# mine\n")
    (tmp_path / "mirror").mkdir()

    env = {"TF_CLI_CONFIG_FILE": str(own), "TF_PLUGIN_MIRROR": str(tmp_path / "mirror")}

    assert terraform_configuration(clone, env) == "# mine\n"


def test_without_terraform_one_line_says_what_to_do(clone: Clone) -> None:
    result = clone.run("exec-in-devcontainer.sh", "terraform", "plan")

    assert result.returncode == 1
    assert "terraform is not installed" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "script", ["build-container.sh", "start-devcontainer.sh", "stop-devcontainer.sh", "terminal.sh"]
)
def test_the_other_scripts_need_an_engine(clone: Clone, script: str) -> None:
    result = clone.run(script)

    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{script}: no Docker engine answers; start one")


def test_start_and_stop(clone: Clone, docker: Path) -> None:
    assert "is not running" in clone.run("stop-devcontainer.sh").stdout

    started = clone.run("start-devcontainer.sh")
    assert started.returncode == 0, started.stderr
    assert "The dev container is running: 0123abc" in started.stdout
    assert (docker / "running").exists()

    assert clone.run("stop-devcontainer.sh").returncode == 0
    assert not (docker / "running").exists()


def test_a_terminal_is_a_shell_in_the_container(clone: Clone, docker: Path) -> None:
    result = clone.run("terminal.sh")

    assert result.returncode == 7
    assert result.stdout.splitlines()[-3:] == ["[0123abc]", "[bash]", "[-l]"]
    assert (docker / "running").exists()


def test_the_scripts_and_the_editors_mean_the_same_container() -> None:
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text()
    editors = json.loads(text)
    script = (ROOT / "build-support" / "bootstrap" / "devcontainer.sh").read_text()
    scripts = dict(re.findall(r"^devcontainer_(\w+)=(\S+)$", script, re.MULTILINE))

    assert editors["workspaceFolder"] == scripts["workspace"]
    assert editors["remoteUser"] == scripts["user"]
    assert editors["mounts"] == [
        f"source={scripts['cache_volume']},target=/home/{scripts['user']}/.cache,type=volume",
        f"source=${{localEnv:HOME}}/.aws,target=/home/{scripts['user']}/.aws,type=bind",
    ]
    assert editors["initializeCommand"] == "build-support/bootstrap/initialize-devcontainer.sh"
    assert editors["runArgs"] == [
        "--env-file",
        "${localWorkspaceFolder}/dist/dev-container/environment",
    ]
    assert editors["containerEnv"] == {"IN_DEVCONTAINER": "1"}
