"""Checks, in the local cloud, that functions can return to an earlier version."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from deployment.deploy import Deployment
from deployment.errors import DeploymentError


def roll_back(deployment: Deployment, functions: Iterable[str]) -> int:
    """Deploy a new version of each function, and return to the first version.

    Parameters
    ----------
    functions
        Names in `lambda/functions.json`.

    Returns
    -------
    int
        Number of functions that returned to their first version.

    Raises
    ------
    DeploymentError
        The alias `live` points to the wrong version.
    """
    names = sorted(functions)
    client = deployment.session.client("lambda")
    before = deployment.apply()
    level = _log_level(client, before, names)
    # Changing any setting publishes a version.
    changed = {"log_level": "ERROR" if level != "ERROR" else "INFO"}
    after = _with(deployment, changed).apply()
    for name in names:
        version = after["function_versions"][name]
        if version == before["function_versions"][name]:
            raise DeploymentError(f"changing a setting of {name} did not publish a new version")
        _require_live(client, after["functions"][name], version)
    rolled_back = _with(deployment, {**changed, "live_versions": dict(before["function_versions"])})
    rolled_back.apply()
    for name in names:
        _require_live(client, after["functions"][name], before["function_versions"][name])
    if rolled_back.plan():
        raise DeploymentError("after the rollback, a second plan is not empty")
    return len(names)


def _with(deployment: Deployment, variables: Mapping[str, object]) -> Deployment:
    return dataclasses.replace(deployment, variables={**deployment.variables, **variables})


def _log_level(client: Any, outputs: Mapping[str, Any], names: list[str]) -> str:  # noqa: ANN401
    found = client.get_function_configuration(FunctionName=outputs["functions"][names[0]])
    return str(found["Environment"]["Variables"]["LOG_LEVEL"])


def _require_live(client: Any, function: str, version: str) -> None:  # noqa: ANN401 - of boto3
    live = client.get_alias(FunctionName=function, Name="live")["FunctionVersion"]
    if live != version:
        raise DeploymentError(
            f"the alias live of {function} points to version {live} instead of {version}"
        )
