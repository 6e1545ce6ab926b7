"""Compares what roles allow with what functions called, in both directions."""

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

UNSEEN: Final = ("kms:", "logs:", "xray:")
"""Services that are used on a function's behalf, by Lambda and S3, and not called by its code."""

RARELY: Final = "Rarely"
"""How the name of a statement begins that is there for days on which something went wrong."""


@dataclass(frozen=True, order=True)
class Permission:
    """One action on what matches one pattern, as a role allows it."""

    action: str
    resource: str
    statement: str = ""

    def covers(self, call: Call) -> bool:
        """Whether it allows a call.

        Parameters
        ----------
        call
            Its action and resource, whoever called.
        """
        return _matches(self.action, call.action) and _matches(self.resource, call.resource)

    def must_show(self) -> bool:
        """Whether a run of everything makes use of it, where it is needed at all."""
        return not (self.action.startswith(UNSEEN) or self.statement.startswith(RARELY))


@dataclass(frozen=True)
class Comparison:
    """What does not fit.

    Attributes
    ----------
    missing
        Calls that the caller's role does not allow: they fail in an account.
    unused
        By caller, permissions of which no call made use.
    """

    missing: tuple[Call, ...]
    unused: tuple[tuple[str, Permission], ...]

    def lines(self) -> Iterator[str]:
        """Yield one line for each."""
        for call in self.missing:
            yield f"{call.caller} called {call.action} on {call.resource}, and may not"
        for caller, permission in self.unused:
            yield f"{caller} may call {permission.action} on {permission.resource}, and did not"


def compare(permissions: Mapping[str, Iterable[Permission]], calls: Iterable[Call]) -> Comparison:
    """Compare the permissions of callers with what they called.

    Parameters
    ----------
    permissions
        By caller. Calls of others are not looked at.
    """
    missing: list[Call] = []
    used: set[tuple[str, Permission]] = set()
    for call in sorted(calls):
        if call.caller not in permissions:
            continue
        covering = [one for one in permissions[call.caller] if one.covers(call)]
        if not covering:
            missing.append(call)
        for implied in (call, *_implied(call)):
            used |= {(call.caller, one) for one in permissions[call.caller] if one.covers(implied)}
    every = {(caller, one) for caller, all_of_it in permissions.items() for one in all_of_it}
    unused = {(caller, one) for caller, one in every - used if one.must_show()}
    return Comparison(tuple(missing), tuple(sorted(unused)))


def needed(
    permissions: Mapping[str, Iterable[Permission]], calls: Iterable[Call]
) -> list[tuple[str, Permission]]:
    """Return, by caller, the permissions of which calls made use themselves."""
    made = list(calls)
    return [
        (caller, one)
        for caller, all_of_it in sorted(permissions.items())
        for one in all_of_it
        if any(call.caller == caller and one.covers(call) for call in made)
    ]


def missed_without(
    taken: tuple[str, Permission],
    permissions: Mapping[str, Iterable[Permission]],
    calls: Iterable[Call],
) -> bool:
    """Whether the comparison tells that a caller lacks a permission once it is taken away."""
    caller, permission = taken
    rest = [one for one in permissions[caller] if one != permission]
    return bool(compare({caller: rest}, calls).missing)


def permissions_of(role: str, iam: IAMClient) -> list[Permission]:
    """Return what a role's own policies allow."""
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
    """Return what was called in a local cloud since it started."""
    with urllib.request.urlopen(f"{endpoint}{PATH}") as answer:  # noqa: S310 - of loopback
        return [Call(**one) for one in json.load(answer)]


def _implied(call: Call) -> Iterator[Call]:
    # Whoever may not list a bucket is told of an object that is not there that it is forbidden:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    if call.action in ("s3:GetObject", "s3:GetObjectVersion"):
        yield Call(call.caller, "s3:ListBucket", call.resource.partition("/")[0])


def _listed(value: Any) -> Sequence[Any]:  # noqa: ANN401 - of a policy, which has one or many
    return value if isinstance(value, list) else [value]


def _matches(pattern: str, text: str) -> bool:
    # As IAM has it, `*` and `?` are all there is; a `[` stands for itself.
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))
