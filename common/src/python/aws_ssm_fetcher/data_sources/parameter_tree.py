"""Reads a tree of SSM parameters completely: every page, or an error that names the path.

`GetParametersByPath` gives at most ten parameters a page and `GetParameters` takes at most ten
names (https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html).
The service throttles per account and region, so every attempt waits for its region's rate limit,
and a throttled attempt is made again. boto's own retries are off: calls are counted and limited
here, and only here.

AWS's public parameters are the same in every region of a partition, so that several regions can
be asked side by side, each at its own rate. A page's token is only good in the region that gave
it: what is read in several calls is read in one region.
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
"""What both operations allow at most."""

MAX_EMPTY_PAGES = 100
"""AWS may answer empty pages with a token; this many in a row is a source that never ends."""


THROTTLED_PAUSE_CALLS = 4
"""How long a region is left alone once it throttled a call: as long as so many calls take.

The call itself waits longer. The others, which would mostly be refused too, wait this long: a
small part of the quota where the refusal was an accident, and enough for lists that have a choice
to begin elsewhere. Longer pauses leave more of the quota unused than they save in refused calls.
"""


class FetchCancelledError(Exception):
    """The fetch was given up by its owner; not a failure of the source."""


@dataclass(frozen=True)
class SsmRegion:
    """SSM of one region.

    Attributes
    ----------
    client
        An SSM client whose own retries are off.
    breaker
        Refuses calls for a while after several of them failed for good.
    """

    client: SSMClient
    breaker: CircuitBreaker

    @property
    def code(self) -> str:
        """The region's code."""
        return self.client.meta.region_name


class ParameterTree:
    """Reads parameters from one region, or from several side by side.

    Safe to use from many threads at once.

    Parameters
    ----------
    regions
        Where to read; at least one, each once.
    max_tps
        The most calls a second to each region, attempts included. A region's quota is shared
        with every other reader of the account there.
    policy
        How often and how long a failed call is tried again.

    Raises
    ------
    ValueError
        If no region is given, or one twice.
    """

    def __init__(
        self, regions: Sequence[SsmRegion], *, max_tps: float, policy: RetryPolicy
    ) -> None:
        if not regions or len({region.code for region in regions}) < len(regions):
            raise ValueError("regions must be at least one, and each of them once")
        self._policy = policy
        self._throttled_pause_seconds = THROTTLED_PAUSE_CALLS / max_tps
        self._cancelled = threading.Event()
        self._lanes = [_Lane(r, RateLimiter(max_tps, sleep=self._sleep)) for r in regions]
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._retries = 0

    @property
    def calls(self) -> dict[str, int]:
        """Calls made so far, by operation, each attempt counted."""
        with self._lock:
            return dict(sorted(self._calls.items()))

    @property
    def calls_by_region(self) -> dict[str, int]:
        """Calls made so far, by the region that was asked, each attempt counted."""
        with self._lock:
            return {lane.region.code: lane.calls for lane in self._lanes}

    @property
    def retries(self) -> int:
        """How many of the calls repeated one that had failed."""
        with self._lock:
            return self._retries

    def cancel(self) -> None:
        """Make every call that waits or starts from now on raise `FetchCancelledError`."""
        self._cancelled.set()

    def children(self, path: str, *, many: bool = False) -> dict[str, str]:
        """Values of the parameters directly below a path, by the last part of their names.

        Parameters
        ----------
        many
            Whether many pages are expected. Such a list begins at once, where the fewest lists
            are being read; every other waits for a region that has a call to spare.

        Raises
        ------
        DataSourceError
            If any page could not be had, or the pages never end; the message names the path and
            the region that was asked.
        CircuitOpenError
            If the region failed too often, and was not asked.
        """
        found: dict[str, str] = {}
        with self._reading(at_once=many) as reading:
            for page in self._pages(reading, path):
                fresh = len(found)
                for parameter in page:
                    found[_last_part(parameter["Name"], path)] = parameter["Value"]
                if page and len(found) == fresh:
                    raise DataSourceError(
                        f"SSM in {reading.region} answers the same parameters again and again "
                        f"below {path}",
                        path=path,
                        region=reading.region,
                    )
        return found

    def values(self, names: Sequence[str]) -> dict[str, str]:
        """Values of the named parameters, at most ten; a name that the tree lacks is left out.

        Raises
        ------
        DataSourceError
            If the call failed, or said nothing about one of the names; the message names the
            region that was asked.
        CircuitOpenError
            If the region failed too often, and was not asked.
        """
        what = f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]
        with self._reading(at_once=False) as reading:
            answer = self._call(
                reading,
                "GetParameters",
                what,
                lambda client: client.get_parameters(Names=list(names)),
            )
        found = {entry["Name"]: entry["Value"] for entry in answer["Parameters"]}
        silent = set(names) - set(found) - set(answer.get("InvalidParameters", ()))
        if silent:
            raise DataSourceError(
                f"SSM in {reading.region} said nothing about {', '.join(sorted(silent))}",
                names=sorted(silent),
                region=reading.region,
            )
        return found

    @contextmanager
    def _reading(self, *, at_once: bool) -> Iterator[_Reading]:
        """Choose the region of a list."""
        lane = None if at_once else self._lane_with_a_call_to_spare()
        reading = _Reading(lane or self._by_backlog()[0], granted=lane is not None)
        with self._lock:
            reading.lane.lists += 1
        try:
            yield reading
        finally:
            with self._lock:
                reading.lane.lists -= 1

    def _lane_with_a_call_to_spare(self) -> _Lane:
        with self._turn:
            while True:
                waits = []
                for lane in self._by_backlog():
                    if (wait := lane.limiter.take_spare()) <= 0:
                        return lane
                    waits.append(wait)
                self._sleep(min(waits))

    def _by_backlog(self) -> list[_Lane]:
        with self._lock:
            return sorted(self._lanes, key=lambda lane: (lane.lists, lane.calls))

    def _pages(self, reading: _Reading, path: str) -> Iterator[list[ParameterTypeDef]]:
        tokens: set[str] = set()
        empty_pages = 0
        request: GetParametersByPathRequestTypeDef = {"Path": path, "MaxResults": PAGE_SIZE}
        while True:
            answer = self._call(
                reading,
                "GetParametersByPath",
                path,
                lambda client: client.get_parameters_by_path(**request),
            )
            page = answer["Parameters"]
            yield page
            token = answer.get("NextToken")
            if not token:
                return
            empty_pages = 0 if page else empty_pages + 1
            if token in tokens or empty_pages > MAX_EMPTY_PAGES:
                raise DataSourceError(
                    f"SSM in {reading.region} gives page after page without an end below {path}",
                    path=path,
                    region=reading.region,
                )
            tokens.add(token)
            request["NextToken"] = token

    def _call[T: Mapping[str, Any]](
        self, reading: _Reading, operation: str, what: str, request: Callable[[SSMClient], T]
    ) -> T:
        lane = reading.lane

        def take_note(retry: Retry) -> None:
            with self._lock:
                self._retries += 1
            if retry.verdict is Verdict.THROTTLED:
                lane.limiter.penalize(self._throttled_pause_seconds)

        def attempt() -> T:
            if not reading.granted:
                lane.limiter.acquire()
            reading.granted = False
            self._check_cancelled()
            with self._lock:
                self._calls[operation] += 1
                lane.calls += 1
            return _with_parameters(request(lane.region.client))

        try:
            return lane.region.breaker.call(
                lambda: self._policy.call(
                    attempt,
                    retry_on=classify_aws_error,
                    on_retry=take_note,
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
class _Lane:
    """A region with its rate, the lists that are being read there, and the calls made so far."""

    region: SsmRegion
    limiter: RateLimiter
    lists: int = 0
    calls: int = 0


@dataclass
class _Reading:
    """One list that is being read, and whether its next call has been granted already."""

    lane: _Lane
    granted: bool

    @property
    def region(self) -> str:
        return self.lane.region.code


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
