"""Read regions, services, zones and pairs from SSM's public parameters, in the fewest calls.

The tree (root `/aws/service/global-infrastructure`), with the number of calls that reading it takes
for R regions and S services, at ten parameters per call:

| path                                                | content              | calls               |
|-----------------------------------------------------|----------------------|---------------------|
| `regions/R`                                         | region codes         | R / 10              |
| `services/S`                                        | service codes        | S / 10              |
| `regions/R/services/S`                              | the pairs            | per region, list/10 |
| `regions/R/{availability,local,wavelength}-zones/Z` | zones                | 3 R                 |
| `regions/R/{longName,…}`, `services/S/longName`     | names and attributes | (5 R + S) / 10      |
| `services/S/regions/R`                              | cross-check only     | per service, list/10|

If a region's list of services is empty, it is read once more.

Names and attributes are read by their full path, ten per call. Reading the tree recursively would
also return endpoints and protocols, and take more than twice as many calls.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

from aws_ssm_fetcher.data_sources.parameter_tree import (
    FetchCancelledError,
    ParameterTree,
    batches_of_ten,
)
from aws_ssm_fetcher.models import (
    Availability,
    Catalog,
    Completeness,
    CrossCheck,
    Pair,
    Part,
    Provenance,
    Region,
    Service,
    Zones,
)
from command_line.progress import Progress, no_progress
from lambda_core.errors import DataSourceError

ROOT = "/aws/service/global-infrastructure"

REGION_ATTRIBUTES = {
    "name": "longName",
    "partition": "partition",
    "domain": "domain",
    "country": "geolocationCountry",
    "subdivision": "geolocationRegion",
}
"""The parameter of each field of `Region`."""

ZONE_KINDS = {
    "availability": "availability-zones",
    "local": "local-zones",
    "wavelength": "wavelength-zones",
}
"""The path of each field of `Zones`."""


class GlobalInfrastructure:
    """Reads the complete tree into a `Catalog`, or raises an error.

    Parameters
    ----------
    tree
        Reads the parameters.
    max_workers
        The number of lists to read concurrently.
    """

    def __init__(self, tree: ParameterTree, *, max_workers: int) -> None:
        self._tree = tree
        self._max_workers = max_workers

    def fetch(
        self,
        *,
        source: str,
        live: bool = True,
        data_as_of: dt.date | None = None,
        zones: bool = True,
        cross_check: bool = False,
        progress: Progress = no_progress,
    ) -> Catalog:
        """Read everything.

        Parameters
        ----------
        source, live, data_as_of
            Values for the catalog's `Provenance`.
        zones
            Whether to read the zones of each region (three calls per region).
        cross_check
            Whether to read the `services/` tree too and list every difference (about one more
            call for every ten pairs, and at least one per service).
        progress
            Called after each list.

        Raises
        ------
        DataSourceError
            If anything could not be read, or if there are no regions, no services or no pairs.
            Partial data is never returned.
        """
        with _Jobs(self._tree, self._max_workers, progress) as jobs:
            content = self._read(jobs, zones=zones, cross_check=cross_check)
        return Catalog(
            regions=content.regions(),
            services=content.services(),
            availability=tuple(
                Availability(region_code=region, service_codes=services)
                for region, services in content.services_of.items()
            ),
            provenance=Provenance(
                source=source,
                live=live,
                fetched_at=dt.datetime.now(dt.UTC),
                data_as_of=data_as_of,
                calls=self._tree.calls,
            ),
            completeness=content.completeness(),
            cross_check=content.cross_check(),
        )

    def _read(self, jobs: _Jobs, *, zones: bool, cross_check: bool) -> _TreeContent:
        regions_job = jobs.start(self.region_codes)
        services_job = jobs.start(self.service_codes)
        regions = jobs.result(regions_job)

        # The long lists start first, so that short reads can fill the gaps at the end.
        pair_jobs = [jobs.start(self._service_codes_in, code) for code in regions]
        zone_jobs = [jobs.start(self._zones_of, code) for code in regions] if zones else []

        listed = jobs.result(services_job)
        check_jobs = self._start_cross_check(jobs, listed) if cross_check else {}
        names = [*_attribute_names(regions), *(_label(code) for code in listed)]
        # The last, incomplete batch is read together with the labels that are not known yet.
        *full_batches, rest = batches_of_ten(names)
        value_jobs = [jobs.start(self._tree.values, batch) for batch in full_batches]

        services_of = dict(zip(regions, jobs.results(pair_jobs), strict=True))
        unlisted = _unlisted(services_of, listed)
        if cross_check:
            check_jobs |= self._start_cross_check(jobs, unlisted)
        labels = [_label(code) for code in unlisted]
        value_jobs += [
            jobs.start(self._tree.values, batch) for batch in batches_of_ten([*rest, *labels])
        ]

        values: dict[str, str] = {}
        for batch in jobs.results(value_jobs):
            values |= batch
        return _TreeContent(
            listed=frozenset(listed),
            unlisted=frozenset(unlisted),
            services_of=services_of,
            names=(*names, *labels),
            values=values,
            zones_of=dict(zip(regions, jobs.results(zone_jobs), strict=True)) if zones else None,
            regions_of=(
                {code: jobs.result(job) for code, job in check_jobs.items()}
                if cross_check
                else None
            ),
        )

    def _start_cross_check(
        self, jobs: _Jobs, services: Iterable[str]
    ) -> dict[str, Future[tuple[str, ...]]]:
        return {code: jobs.start(self._region_codes_of, code) for code in services}

    def region_codes(self) -> list[str]:
        """Return all region codes, sorted.

        Raises
        ------
        DataSourceError
            If they could not be read, or there are none.
        """
        return self._codes("regions")

    def service_codes(self) -> list[str]:
        """Return the codes of all listed services, sorted.

        Raises
        ------
        DataSourceError
            If they could not be read, or there are none.
        """
        return self._codes("services")

    def _codes(self, kind: str) -> list[str]:
        codes = sorted(self._tree.children(f"{ROOT}/{kind}", many=True))
        if not codes:
            raise DataSourceError(
                f"SSM lists no {kind} below {ROOT}/{kind}. These parameters do not exist in every "
                "partition, and an SSM endpoint that is not AWS's own may not have them."
            )
        return codes

    def _service_codes_in(self, region_code: str) -> tuple[str, ...]:
        path = f"{ROOT}/regions/{region_code}/services"
        # Every region has services, so an empty list is read again before it is accepted.
        codes = self._tree.children(path, many=True) or self._tree.children(path, many=True)
        return tuple(sorted(codes))

    def _region_codes_of(self, service_code: str) -> tuple[str, ...]:
        return tuple(sorted(self._tree.children(f"{ROOT}/services/{service_code}/regions")))

    def _zones_of(self, region_code: str) -> Zones:
        return Zones(
            **{
                field: tuple(sorted(self._tree.children(f"{ROOT}/regions/{region_code}/{path}")))
                for field, path in ZONE_KINDS.items()
            }
        )


@dataclass(frozen=True)
class _TreeContent:
    """Everything that was read from the tree.

    Attributes
    ----------
    listed, unlisted
        Codes of the services in the list of services, and of those that only regions have.
    services_of
        Sorted service codes of each region; the regions are sorted.
    names, values
        The names of the requested parameters, and the values of those that exist.
    zones_of
        Zones of each region, or None if they were not requested.
    regions_of
        Sorted region codes of each service, from the `services/` tree, or None without a
        cross-check.
    """

    listed: frozenset[str]
    unlisted: frozenset[str]
    services_of: Mapping[str, tuple[str, ...]]
    names: Sequence[str]
    values: Mapping[str, str]
    zones_of: Mapping[str, Zones] | None
    regions_of: Mapping[str, tuple[str, ...]] | None

    def regions(self) -> tuple[Region, ...]:
        zones = self.zones_of or {}
        return tuple(
            Region(
                code=code,
                zones=zones.get(code),
                **{
                    field: self.values.get(f"{ROOT}/regions/{code}/{parameter}")
                    for field, parameter in REGION_ATTRIBUTES.items()
                },
            )
            for code in self.services_of
        )

    def services(self) -> tuple[Service, ...]:
        return tuple(
            Service(code=code, name=self.values.get(_label(code)), listed=code in self.listed)
            for code in sorted(self.listed | self.unlisted)
        )

    def completeness(self) -> Completeness:
        """Count what was requested and received; anything that failed has raised an error."""
        regions, listed = len(self.services_of), len(self.listed)
        empty = tuple(code for code, codes in self.services_of.items() if not codes)
        parts = [
            Part(name="regions", expected=regions, received=regions),
            Part(name="listed services", expected=listed, received=listed),
            Part(
                name="service lists of regions",
                expected=regions,
                received=regions - len(empty),
                missing=empty,
            ),
            self._values_part("region attributes", f"{ROOT}/regions/"),
            self._values_part("service names", f"{ROOT}/services/"),
        ]
        if self.zones_of is not None:
            lists = len(self.zones_of) * len(ZONE_KINDS)
            parts.append(Part(name="zone lists of regions", expected=lists, received=lists))
        if self.regions_of is not None:
            parts.append(
                Part(
                    name="region lists of services",
                    expected=listed + len(self.unlisted),
                    received=len(self.regions_of),
                )
            )
        return Completeness(parts=tuple(parts))

    def _values_part(self, part: str, prefix: str) -> Part:
        names = [name for name in self.names if name.startswith(prefix)]
        missing = tuple(name.removeprefix(f"{ROOT}/") for name in names if name not in self.values)
        return Part(
            name=part, expected=len(names), received=len(names) - len(missing), missing=missing
        )

    def cross_check(self) -> CrossCheck | None:
        if self.regions_of is None:
            return None
        by_region = {
            (region, service) for region, codes in self.services_of.items() for service in codes
        }
        by_service = {
            (region, service) for service, codes in self.regions_of.items() for region in codes
        }
        return CrossCheck(
            only_in_regions_tree=_pairs(by_region - by_service),
            only_in_services_tree=_pairs(by_service - by_region),
        )


class _Jobs:
    """Lists that are read concurrently. The first failure cancels all of them."""

    def __init__(self, tree: ParameterTree, max_workers: int, progress: Progress) -> None:
        self._tree = tree
        self._progress = progress
        self._executor = ThreadPoolExecutor(max_workers, thread_name_prefix="ssm")
        self._lock = threading.Lock()
        self._total = 0
        self._done = 0
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._tree.cancel()
        # After Ctrl-C, do not wait for responses that are still on their way.
        self._executor.shutdown(wait=kind is not KeyboardInterrupt, cancel_futures=True)

    def start[**P, T](
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        with self._lock:
            self._total += 1
        job = self._executor.submit(function, *args, **kwargs)
        job.add_done_callback(self._ended)
        return job

    def result[T](self, job: Future[T]) -> T:
        try:
            return job.result()
        except (FetchCancelledError, CancelledError) as cancelled:
            # This job stopped because another one failed, so raise the error of that one.
            raise self._error or cancelled from None

    def results[T](self, jobs: Iterable[Future[T]]) -> list[T]:
        return [self.result(job) for job in jobs]

    def _ended(self, job: Future[Any]) -> None:
        with self._lock:
            self._done += 1
            error = None if job.cancelled() else job.exception()
            if error is None:
                self._progress(self._done, self._total)
                return
            if self._error is None and not isinstance(error, FetchCancelledError):
                self._error = error
        self._tree.cancel()


def _label(service_code: str) -> str:
    return f"{ROOT}/services/{service_code}/longName"


def _attribute_names(regions: Iterable[str]) -> list[str]:
    return [
        f"{ROOT}/regions/{code}/{parameter}"
        for code in regions
        for parameter in REGION_ATTRIBUTES.values()
    ]


def _unlisted(services_of: Mapping[str, Sequence[str]], listed: Iterable[str]) -> list[str]:
    """Return the services that only regions have, sorted."""
    found = {code for codes in services_of.values() for code in codes}
    if not found:
        raise DataSourceError(f"SSM lists no services in any region below {ROOT}/regions")
    return sorted(found.difference(listed))


def _pairs(pairs: Iterable[tuple[str, str]]) -> tuple[Pair, ...]:
    return tuple(
        Pair(region_code=region, service_code=service) for region, service in sorted(pairs)
    )
