"""Reads a tree of SSM parameters completely: every page, or an error that names the path.

`GetParametersByPath` gives at most ten parameters a page and `GetParameters` takes at most ten
names (https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html).
The service throttles per account and region, so every attempt waits for the rate limit, and a
throttled attempt is made again. boto's own retries are off: calls are counted and limited here,
and only here.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.parsers import ResponseParserError

from lambda_core.aws import AWS_ERRORS, classify_aws_error, explain_aws_error
from lambda_core.circuit_breaker import CircuitBreaker
from lambda_core.errors import DataSourceError
from lambda_core.rate_limit import RateLimiter
from lambda_core.retry import RetryPolicy

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_ssm.type_defs import GetParametersByPathRequestTypeDef, ParameterTypeDef

PAGE_SIZE = 10
"""What both operations allow at most."""

MAX_EMPTY_PAGES = 100
"""AWS may answer empty pages with a token; this many in a row is a source that never ends."""


class FetchCancelledError(Exception):
    """The fetch was given up by its owner; not a failure of the source."""


class ParameterTree:
    """Reads parameters through one client, one rate limit and one circuit breaker.

    Safe to use from many threads at once.

    Parameters
    ----------
    client
        An SSM client whose own retries are off.
    max_tps
        The most calls a second, attempts included. The quota is shared with every other reader
        of the account in that region.
    policy
        How often and how long a failed call is tried again.
    breaker
        Refuses calls for a while after several of them failed for good.
    burst
        Calls that may start at once before the rate holds.
    """

    def __init__(
        self,
        client: SSMClient,
        *,
        max_tps: float,
        policy: RetryPolicy,
        breaker: CircuitBreaker,
        burst: int = 1,
    ) -> None:
        self._client = client
        self._policy = policy
        self._breaker = breaker
        self._cancelled = threading.Event()
        self._limiter = RateLimiter(max_tps, burst=burst, sleep=self._sleep)
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._retries = 0

    @property
    def calls(self) -> dict[str, int]:
        """Calls made so far, by operation, each attempt counted."""
        with self._lock:
            return dict(sorted(self._calls.items()))

    @property
    def retries(self) -> int:
        """How many of the calls repeated one that had failed."""
        with self._lock:
            return self._retries

    def cancel(self) -> None:
        """Make every call that waits or starts from now on raise `FetchCancelledError`."""
        self._cancelled.set()

    def children(self, path: str) -> dict[str, str]:
        """Values of the parameters directly below a path, by the last part of their names.

        Raises
        ------
        DataSourceError
            If any page could not be had, or the pages never end; the message names the path.
        CircuitOpenError
            If the endpoint failed too often, and was not asked.
        """
        found: dict[str, str] = {}
        for page in self._pages(path):
            fresh = len(found)
            for parameter in page:
                found[_last_part(parameter["Name"], path)] = parameter["Value"]
            if page and len(found) == fresh:
                raise DataSourceError(
                    f"SSM answers the same parameters again and again below {path}", path=path
                )
        return found

    def values(self, names: Sequence[str]) -> dict[str, str]:
        """Values of the named parameters, at most ten; a name that the tree lacks is left out.

        Raises
        ------
        DataSourceError
            If the call failed, or said nothing about one of the names.
        CircuitOpenError
            If the endpoint failed too often, and was not asked.
        """
        what = f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]
        answer = self._call(
            "GetParameters", what, lambda: self._client.get_parameters(Names=list(names))
        )
        found = {entry["Name"]: entry["Value"] for entry in answer["Parameters"]}
        silent = set(names) - set(found) - set(answer.get("InvalidParameters", ()))
        if silent:
            raise DataSourceError(
                f"SSM said nothing about {', '.join(sorted(silent))}", names=sorted(silent)
            )
        return found

    def _pages(self, path: str) -> Iterator[list[ParameterTypeDef]]:
        tokens: set[str] = set()
        empty_pages = 0
        request: GetParametersByPathRequestTypeDef = {"Path": path, "MaxResults": PAGE_SIZE}
        while True:
            answer = self._call(
                "GetParametersByPath", path, lambda: self._client.get_parameters_by_path(**request)
            )
            page = answer["Parameters"]
            yield page
            token = answer.get("NextToken")
            if not token:
                return
            empty_pages = 0 if page else empty_pages + 1
            if token in tokens or empty_pages > MAX_EMPTY_PAGES:
                raise DataSourceError(
                    f"SSM gives page after page without an end below {path}", path=path
                )
            tokens.add(token)
            request["NextToken"] = token

    def _call[T: Mapping[str, Any]](self, operation: str, what: str, request: Callable[[], T]) -> T:
        def attempt() -> T:
            self._limiter.acquire()
            self._check_cancelled()
            with self._lock:
                self._calls[operation] += 1
            return _with_parameters(request())

        try:
            return self._breaker.call(
                lambda: self._policy.call(
                    attempt,
                    retry_on=classify_aws_error,
                    on_retry=self._count_retry,
                    sleep=self._sleep,
                )
            )
        except AWS_ERRORS as error:
            raise DataSourceError(
                f"SSM {operation} failed for {what}: {explain_aws_error(error)}",
                operation=operation,
                path=what,
            ) from error

    def _count_retry(self, *_: object) -> None:
        with self._lock:
            self._retries += 1

    def _sleep(self, seconds: float) -> None:
        self._cancelled.wait(seconds)
        self._check_cancelled()

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise FetchCancelledError


def in_tens(names: Iterable[str]) -> list[list[str]]:
    """Split names into the lists that `ParameterTree.values` takes."""
    everything = list(names)
    return [everything[start : start + PAGE_SIZE] for start in range(0, len(everything), PAGE_SIZE)]


def _with_parameters[T: Mapping[str, Any]](answer: T) -> T:
    """Refuse what has JSON's form and is no answer of SSM: a proxy's own, or one that was cut off.

    It may be passing, as every answer that cannot be parsed.
    """
    entries = answer.get("Parameters")
    if entries is None or not all("Name" in entry and "Value" in entry for entry in entries):
        raise ResponseParserError("the answer has no list of parameters with names and values")
    return answer


def _last_part(name: str, path: str) -> str:
    prefix = f"{path}/"
    part = name.removeprefix(prefix)
    if part == name or not part or "/" in part:
        raise DataSourceError(
            f"SSM answered {name!r}, which is not directly below {path}", path=path
        )
    return part
