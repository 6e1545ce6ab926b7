"""Read a tree of SSM parameters completely: every page, or an error that names the path.

`GetParametersByPath` returns at most ten parameters per page, and `GetParameters` takes at most ten
names (https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html).
The service throttles per account and region, so every attempt waits for the rate limit of its
region, and throttled attempts are repeated. boto's own retries are off, so that all calls are
counted and limited here.

AWS's public parameters are the same in every region of a partition. Several regions can therefore
be queried concurrently, each at its own rate. The token of a page is valid only in the region that
returned it, so all pages of a list are read from the same region.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.parsers import ResponseParserError

from lambda_core.aws import AWS_ERRORS, classify_aws_error, explain_aws_error
from lambda_core.circuit_breaker import CircuitBreaker
from lambda_core.errors import DataSourceError
from lambda_core.rate_limit import RateLimiter
from lambda_core.retry import Retry, RetryPolicy, Verdict

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_ssm.type_defs import GetParametersByPathRequestTypeDef, ParameterTypeDef

PAGE_SIZE = 10
"""The limit of both operations."""

MAX_EMPTY_PAGES = 100
"""AWS may return empty pages with a token. More than this many in a row count as an endless list.
"""


THROTTLED_PAUSE_CALLS = 4
"""How long other calls to a region pause after it throttled a call, in calls at the rate limit.

The throttled call itself waits longer. Most of the other calls would be throttled too. If the
throttling was an exception, the pause costs a small part of the quota, but it lets new lists start
in another region. Longer pauses waste more of the quota than they save in throttled calls.
"""


class FetchCancelledError(Exception):
    """The caller cancelled the fetch; the source did not fail."""


@dataclass(frozen=True)
class SsmRegion:
    """SSM of one region.

    Attributes
    ----------
    client
        An SSM client with its own retries turned off.
    breaker
        Refuses calls for a while after several calls failed permanently.
    """

    client: SSMClient
    breaker: CircuitBreaker

    @property
    def code(self) -> str:
        """The region's code."""
        return self.client.meta.region_name


class ParameterTree:
    """Reads parameters from one region, or from several regions concurrently.

    Instances are thread-safe.

    Parameters
    ----------
    regions
        The regions to query: at least one, and each only once.
    max_tps
        The limit of calls per second to each region, including retries. All users of an account
        share the quota of a region.
    policy
        How often and how long a failed call is repeated.

    Raises
    ------
    ValueError
        If there are no regions, or a region appears twice.
    """

    def __init__(
        self, regions: Sequence[SsmRegion], *, max_tps: float, policy: RetryPolicy
    ) -> None:
        if not regions or len({region.code for region in regions}) < len(regions):
            raise ValueError("regions must not be empty or contain a region twice")
        self._policy = policy
        self._throttled_pause_seconds = THROTTLED_PAUSE_CALLS / max_tps
        self._cancelled = threading.Event()
        self._states = [_RegionState(r, RateLimiter(max_tps, sleep=self._sleep)) for r in regions]
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._retries = 0

    @property
    def calls(self) -> dict[str, int]:
        """Number of calls so far by operation, including retries."""
        with self._lock:
            return dict(sorted(self._calls.items()))

    @property
    def calls_by_region(self) -> dict[str, int]:
        """Number of calls so far by region, including retries."""
        with self._lock:
            return {state.region.code: state.calls for state in self._states}

    @property
    def retries(self) -> int:
        """How many of the calls repeated a failed call."""
        with self._lock:
            return self._retries

    def cancel(self) -> None:
        """Make all waiting and future calls raise `FetchCancelledError`."""
        self._cancelled.set()

    def children(self, path: str, *, many: bool = False) -> dict[str, str]:
        """Return the values of the parameters directly below a path, by the last part of the name.

        Parameters
        ----------
        many
            Whether many pages are expected. Such a list starts immediately, in the region that is
            reading the fewest lists. Other lists wait for a region whose rate limit allows a call.

        Raises
        ------
        DataSourceError
            If a page could not be read, or the pages do not end; the message names the path and
            the region.
        CircuitOpenError
            If the region failed too often, and is not called for a while.
        """
        found: dict[str, str] = {}
        with self._reading(at_once=many) as reading:
            for page in self._pages(reading, path):
                fresh = len(found)
                for parameter in page:
                    found[_last_part(parameter["Name"], path)] = parameter["Value"]
                if page and len(found) == fresh:
                    raise DataSourceError(
                        f"SSM in {reading.region} returns the same parameters again and again "
                        f"below {path}",
                        path=path,
                        region=reading.region,
                    )
        return found

    def values(self, names: Sequence[str]) -> dict[str, str]:
        """Return the values of up to ten named parameters; names that do not exist are left out.

        Raises
        ------
        DataSourceError
            If the call failed, or the response does not mention one of the names; the message
            names the region.
        CircuitOpenError
            If the region failed too often, and is not called for a while.
        """
        what = f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]
        with self._reading(at_once=False) as reading:
            response = self._call(
                reading,
                "GetParameters",
                what,
                lambda client: client.get_parameters(Names=list(names)),
            )
        found = {entry["Name"]: entry["Value"] for entry in response["Parameters"]}
        unmentioned = set(names) - set(found) - set(response.get("InvalidParameters", ()))
        if unmentioned:
            raise DataSourceError(
                f"the response of SSM in {reading.region} does not mention "
                f"{', '.join(sorted(unmentioned))}",
                names=sorted(unmentioned),
                region=reading.region,
            )
        return found

    @contextmanager
    def _reading(self, *, at_once: bool) -> Iterator[_Reading]:
        """Choose the region that a list is read from."""
        state = None if at_once else self._wait_for_region()
        reading = _Reading(state or self._by_backlog()[0], granted=state is not None)
        with self._lock:
            reading.state.lists += 1
        try:
            yield reading
        finally:
            with self._lock:
                reading.state.lists -= 1

    def _wait_for_region(self) -> _RegionState:
        """Return a region whose rate limit allows a call now, and use up that call."""
        with self._turn:
            while True:
                waits = []
                for state in self._by_backlog():
                    if (wait := state.limiter.take_spare()) <= 0:
                        return state
                    waits.append(wait)
                self._sleep(min(waits))

    def _by_backlog(self) -> list[_RegionState]:
        with self._lock:
            return sorted(self._states, key=lambda state: (state.lists, state.calls))

    def _pages(self, reading: _Reading, path: str) -> Iterator[list[ParameterTypeDef]]:
        tokens: set[str] = set()
        empty_pages = 0
        request: GetParametersByPathRequestTypeDef = {"Path": path, "MaxResults": PAGE_SIZE}
        while True:
            response = self._call(
                reading,
                "GetParametersByPath",
                path,
                lambda client: client.get_parameters_by_path(**request),
            )
            page = response["Parameters"]
            yield page
            token = response.get("NextToken")
            if not token:
                return
            empty_pages = 0 if page else empty_pages + 1
            if token in tokens or empty_pages > MAX_EMPTY_PAGES:
                raise DataSourceError(
                    f"SSM in {reading.region} returns an endless list of pages below {path}",
                    path=path,
                    region=reading.region,
                )
            tokens.add(token)
            request["NextToken"] = token

    def _call[T: Mapping[str, Any]](
        self, reading: _Reading, operation: str, what: str, request: Callable[[SSMClient], T]
    ) -> T:
        state = reading.state

        def record_retry(retry: Retry) -> None:
            with self._lock:
                self._retries += 1
            if retry.verdict is Verdict.THROTTLED:
                state.limiter.penalize(self._throttled_pause_seconds)

        def attempt() -> T:
            if not reading.granted:
                state.limiter.acquire()
            reading.granted = False
            self._check_cancelled()
            with self._lock:
                self._calls[operation] += 1
                state.calls += 1
            return _with_parameters(request(state.region.client))

        try:
            return state.region.breaker.call(
                lambda: self._policy.call(
                    attempt,
                    retry_on=classify_aws_error,
                    on_retry=record_retry,
                    sleep=self._sleep,
                )
            )
        except AWS_ERRORS as error:
            raise DataSourceError(
                f"SSM {operation} in {reading.region} failed for {what}: "
                f"{explain_aws_error(error)}",
                operation=operation,
                path=what,
                region=reading.region,
            ) from error

    def _sleep(self, seconds: float) -> None:
        self._cancelled.wait(seconds)
        self._check_cancelled()

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise FetchCancelledError


@dataclass
class _RegionState:
    """A region with its rate limit, its current number of lists, and its number of calls."""

    region: SsmRegion
    limiter: RateLimiter
    lists: int = 0
    calls: int = 0


@dataclass
class _Reading:
    """A list that is being read, and whether the rate limit has already granted its next call."""

    state: _RegionState
    granted: bool

    @property
    def region(self) -> str:
        return self.state.region.code


def batches_of_ten(names: Iterable[str]) -> list[list[str]]:
    """Split names into lists of up to ten, as `ParameterTree.values` takes them."""
    all_names = list(names)
    return [all_names[start : start + PAGE_SIZE] for start in range(0, len(all_names), PAGE_SIZE)]


def _with_parameters[T: Mapping[str, Any]](response: T) -> T:
    """Reject JSON that is not a response of SSM, such as a proxy's response or a truncated one.

    The error counts as temporary, like that of every response that cannot be parsed.
    """
    entries = response.get("Parameters")
    if entries is None or not all("Name" in entry and "Value" in entry for entry in entries):
        raise ResponseParserError("the response has no list of parameters with names and values")
    return response


def _last_part(name: str, path: str) -> str:
    prefix = f"{path}/"
    part = name.removeprefix(prefix)
    if part == name or not part or "/" in part:
        raise DataSourceError(
            f"SSM returned {name!r}, which is not directly below {path}", path=path
        )
    return part
