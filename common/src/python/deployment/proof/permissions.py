"""Compares the permissions of roles with the calls of their functions, in both directions."""

from __future__ import annotations

import fnmatch
import json
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from local_cloud.recorder import PATH, Call

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

USED_BY_AWS: Final = ("kms:", "logs:", "xray:")
"""Actions that Lambda and S3 use on behalf of a function; its code does not call them."""

RARELY: Final = "Rarely"
"""Prefix of the IDs of statements that are only needed after something went wrong."""


@dataclass(frozen=True, order=True)
class Permission:
    """An action that a role allows on the resources that match a pattern."""

    action: str
    resource: str
    statement: str = ""

    def covers(self, call: Call) -> bool:
        """Whether it allows a call.

        Parameters
        ----------
        call
            Its action and resource count; its caller does not.
        """
        return _matches(self.action, call.action) and _matches(self.resource, call.resource)

    def must_be_used(self) -> bool:
        """Whether a run of the whole pipeline uses it, if it is required at all."""
        return not (self.action.startswith(USED_BY_AWS) or self.statement.startswith(RARELY))


@dataclass(frozen=True)
class Comparison:
    """The differences between permissions and calls.

    Attributes
    ----------
    missing
        Calls that the caller's role does not allow. They would fail in an account.
    unused
        Caller and permission, for permissions that no call used.
    """

    missing: tuple[Call, ...]
    unused: tuple[tuple[str, Permission], ...]

    def lines(self) -> Iterator[str]:
        """Yield one line for each difference."""
        for call in self.missing:
            yield (
                f"{call.caller} called {call.action} on {call.resource}, "
                "which its role does not allow"
            )
        for caller, permission in self.unused:
            yield f"{caller} may call {permission.action} on {permission.resource}, but never did"


def compare(permissions: Mapping[str, Iterable[Permission]], calls: Iterable[Call]) -> Comparison:
    """Compare the permissions of callers with their calls.

    Parameters
    ----------
    permissions
        Permissions by caller. Calls of other callers are ignored.
    """
    missing: list[Call] = []
    used: set[tuple[str, Permission]] = set()
    for call in sorted(calls):
        if call.caller not in permissions:
            continue
        covering = [allowed for allowed in permissions[call.caller] if allowed.covers(call)]
        if not covering:
            missing.append(call)
        for implied in (call, *_implied(call)):
            used |= {
                (call.caller, allowed)
                for allowed in permissions[call.caller]
                if allowed.covers(implied)
            }
    every = {(caller, each) for caller, allowed in permissions.items() for each in allowed}
    unused = {(caller, allowed) for caller, allowed in every - used if allowed.must_be_used()}
    return Comparison(tuple(missing), tuple(sorted(unused)))


def used_permissions(
    permissions: Mapping[str, Iterable[Permission]], calls: Iterable[Call]
) -> list[tuple[str, Permission]]:
    """Return the callers and permissions that calls used directly."""
    made = list(calls)
    return [
        (caller, each)
        for caller, allowed in sorted(permissions.items())
        for each in allowed
        if any(call.caller == caller and each.covers(call) for call in made)
    ]


def is_required(
    used: tuple[str, Permission],
    permissions: Mapping[str, Iterable[Permission]],
    calls: Iterable[Call],
) -> bool:
    """Whether the comparison fails if a caller does not have a permission."""
    caller, permission = used
    rest = [allowed for allowed in permissions[caller] if allowed != permission]
    return bool(compare({caller: rest}, calls).missing)


def permissions_of(role: str, iam: IAMClient) -> list[Permission]:
    """Return the permissions in a role's inline policies."""
    found: list[Permission] = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document: Any = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for statement in _listed(document["Statement"]):
            if statement["Effect"] != "Allow":
                continue
            found += [
                Permission(action, resource, statement.get("Sid", ""))
                for action in _listed(statement["Action"])
                for resource in _listed(statement["Resource"])
            ]
    return found


def recorded_calls(endpoint: str) -> list[Call]:
    """Return the calls that a local cloud has received since it started."""
    with urllib.request.urlopen(f"{endpoint}{PATH}") as response:  # noqa: S310 - of loopback
        return [Call(**call) for call in json.load(response)]


def _implied(call: Call) -> Iterator[Call]:
    # Without the permission to list the bucket, S3 answers 403 instead of 404 for a missing object:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    if call.action in ("s3:GetObject", "s3:GetObjectVersion"):
        yield Call(call.caller, "s3:ListBucket", call.resource.partition("/")[0])


def _listed(value: Any) -> Sequence[Any]:  # noqa: ANN401 - a value or a list
    return value if isinstance(value, list) else [value]


def _matches(pattern: str, text: str) -> bool:
    # IAM knows only the wildcards `*` and `?`; a `[` is an ordinary character.
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))
