"""Finds or installs the environment with the packages of Lambda's runtime.

This virtual environment contains only AWS's runtime client and Lambda's boto3
(`3rdparty/python/lambda-runtime.lock`). So a package that is missing in a function's layers is also
missing in the local cloud.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from artefacts.repository import repository_root
from local_cloud.errors import RuntimeMissingError

VARIABLE = "LAMBDA_RUNTIME_PYTHON"
"""Environment variable with the path of the interpreter; `bin/pants` sets it for tests."""

INSTALLER = Path("build-support/bootstrap/lambda-runtime.sh")


def lambda_runtime_python(environ: Mapping[str, str] | None = None) -> Path:
    """Return the interpreter of the environment, which is installed on first use.

    Parameters
    ----------
    environ
        Environment variables; by default, those of this process.

    Raises
    ------
    RuntimeMissingError
        The environment does not exist and could not be installed.
    UsageError
        The variable is not set, and this is not a checkout of the repository, which installing
        requires.
    """
    environ = os.environ if environ is None else environ
    if not sys.platform.startswith("linux"):
        raise RuntimeMissingError(
            "packaged functions run only on Linux; use the dev container: "
            "bin/exec-in-devcontainer.sh"
        )
    if named := environ.get(VARIABLE):
        if not os.access(named, os.X_OK):
            raise RuntimeMissingError(
                f"{VARIABLE}={named} is not an executable file; correct or unset it"
            )
        return Path(named)
    return _installed()


def _installed() -> Path:
    script = repository_root() / INSTALLER
    done = subprocess.run(  # noqa: S603 - the project's own script
        [str(script)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise RuntimeMissingError(
            f"the packages of Lambda's runtime could not be installed; {script} printed the cause "
            f"above. Alternatively, set {VARIABLE} to the interpreter of an environment in which "
            "3rdparty/python/lambda-runtime.lock is installed"
        )
    return Path(done.stdout.strip())
