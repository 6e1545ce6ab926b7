"""Whether an earlier version of functions can be had back, in the local cloud."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from deployment.deploy import Deployment
from deployment.errors import DeploymentError


def go_back(deployment: Deployment, functions: Iterable[str]) -> int:
    """Deploy another version of each function, and have the first one back.

    Parameters
    ----------
    functions
        As `lambda/functions.json` calls them.

    Returns
    -------
    int
        How many went back.

    Raises
    ------
    DeploymentError
        Callers do not get the version that they should.
    """
    names = sorted(functions)
    client = deployment.session.client("lambda")
    before = deployment.apply()
    level = _log_level(client, before, names)
    # Another setting is another version; which one makes no difference here.
    other = {"log_level": "ERROR" if level != "ERROR" else "INFO"}
    after = _with(deployment, other).apply()
    for name in names:
        version = after["function_versions"][name]
        if version == before["function_versions"][name]:
            raise DeploymentError(f"a deployment that changes {name} publishes no version of it")
        _require_live(client, after["functions"][name], version)
    back = _with(deployment, {**other, "live_versions": dict(before["function_versions"])})
    back.apply()
    for name in names:
        _require_live(client, after["functions"][name], before["function_versions"][name])
    if back.plan():
        raise DeploymentError("having gone back, a second plan would change something")
    return len(names)


def _with(deployment: Deployment, variables: Mapping[str, object]) -> Deployment:
    return dataclasses.replace(deployment, variables={**deployment.variables, **variables})


def _log_level(client: Any, outputs: Mapping[str, Any], names: list[str]) -> str:  # noqa: ANN401
    found = client.get_function_configuration(FunctionName=outputs["functions"][names[0]])
    return str(found["Environment"]["Variables"]["LOG_LEVEL"])


def _require_live(client: Any, function: str, version: str) -> None:  # noqa: ANN401 - of boto3
    live = client.get_alias(FunctionName=function, Name="live")["FunctionVersion"]
    if live != version:
        raise DeploymentError(f"callers of {function} get version {live}, and not {version}")
