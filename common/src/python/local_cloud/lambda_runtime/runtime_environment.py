"""Where the packages of Lambda's own runtime are, on which the local cloud runs functions.

They stand in a virtual environment of their own that holds AWS's runtime client and Lambda's boto3
(`3rdparty/python/lambda-runtime.lock`) and nothing else. A function that forgot to declare a
package fails on it as it would on AWS.
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
"""Names the interpreter of that environment; `bin/pants` sets it for tests."""

INSTALLER = Path("build-support/bootstrap/lambda-runtime.sh")


def lambda_runtime_python(environ: Mapping[str, str] | None = None) -> Path:
    """Return the interpreter of the environment, which is installed on first use.

    Raises
    ------
    RuntimeMissingError
        If there is none and none can be made.
    UsageError
        If the variable is not set and this is no clone with which one could be made.
    """
    environ = os.environ if environ is None else environ
    if not sys.platform.startswith("linux"):
        raise RuntimeMissingError(
            "packaged functions and layers are built for Linux, so that they run on Linux only; "
            "work in the dev container: bin/exec-in-devcontainer.sh"
        )
    if named := environ.get(VARIABLE):
        if not os.access(named, os.X_OK):
            raise RuntimeMissingError(f"{VARIABLE}={named} is no program; correct or unset it")
        return Path(named)
    return _installed()


def _installed() -> Path:
    script = repository_root() / INSTALLER
    done = subprocess.run(  # noqa: S603 - the project's own script
        [str(script)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise RuntimeMissingError(
            f"Lambda's runtime could not be set up: {script} says why, above; or set {VARIABLE} to "
            "the interpreter of an environment with 3rdparty/python/lambda-runtime.lock installed"
        )
    return Path(done.stdout.strip())
