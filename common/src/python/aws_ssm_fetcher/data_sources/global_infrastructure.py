"""Regions, services, zones and pairs from SSM's public parameters, in the fewest calls.

The tree (root `/aws/service/global-infrastructure`), with the calls that reading it costs for R
regions and S services in pages of ten:

| path                                        | what                 | calls                  |
|---------------------------------------------|----------------------|------------------------|
| `regions/R`                                 | region codes         | R / 10                 |
| `services/S`                                | service codes        | S / 10                 |
| `regions/R/services/S`                      | the pairs            | each region's list / 10|
| `regions/R/{availability,local,wavelength}-zones/Z` | zones        | 3 R                    |
| `regions/R/{longName,…}`, `services/S/longName` | names, attributes | (5 R + S) / 10, by name|
| `services/S/regions/R`                      | only to cross-check  | each service's list / 10|

A region's list of services that comes empty is asked for once more.

The names are asked for by name and in tens, because walking the tree recursively would bring
endpoints and protocols along, at more than twice the calls.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any, Self

from aws_ssm_fetcher.data_sources.parameter_tree import (
    FetchCancelledError,
    ParameterTree,
    in_tens,
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
"""Field of `Region` by field, and the parameter that it is read from."""

ZONE_KINDS = {
    "availability": "availability-zones",
    "local": "local-zones",
    "wavelength": "wavelength-zones",
}
"""Field of `Zones` by field, and the path that it is read from."""


class GlobalInfrastructure:
    """Reads the whole tree into a `Catalog`; all of it, or an error.

    Parameters
    ----------
    tree
        The parameters.
    max_workers
        Lists that are read at the same time.
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
            What `Provenance` says of the data.
        zones
            Whether to read each region's zones (three calls a region).
        cross_check
            Whether to read the `services/` tree too and list every difference (about one more
            call for each ten pairs, at least one a service).
        progress
            Told after each list.

        Raises
        ------
        DataSourceError
            If anything could not be read, or if there are no regions, no services or no pairs.
            Nothing partial is ever returned.
        """
        with _Jobs(self._tree, self._max_workers, progress) as jobs:
            regions_job = jobs.start(self.region_codes)
            services_job = jobs.start(self.service_codes)
            regions = jobs.result(regions_job)

            # The long lists first: what is short fills the gaps that they leave.
            pair_jobs = [jobs.start(self._service_codes_in, code) for code in regions]
            zone_jobs = [jobs.start(self._zones_of, code) for code in regions if zones]

            listed = jobs.result(services_job)
            check_jobs = {
                code: jobs.start(self._region_codes_of, code) for code in listed if cross_check
            }
            names = [
                *(
                    f"{ROOT}/regions/{code}/{key}"
                    for code in regions
                    for key in REGION_ATTRIBUTES.values()
                ),
                *(_label(code) for code in listed),
            ]
            # What is left over is asked for with the labels that are not known yet.
            *full_tens, rest = in_tens(names)
            value_jobs = [jobs.start(self._tree.values, ten) for ten in full_tens]

            services_of = dict(zip(regions, jobs.results(pair_jobs), strict=True))
            if not any(services_of.values()):
                raise DataSourceError(f"SSM lists no service in any region below {ROOT}/regions")
            listed_codes = set(listed)
            unlisted = sorted(
                {code for codes in services_of.values() for code in codes} - listed_codes
            )
            services = sorted([*listed, *unlisted])
            check_jobs |= {
                code: jobs.start(self._region_codes_of, code) for code in unlisted if cross_check
            }
            labels = [_label(code) for code in unlisted]
            names += labels
            value_jobs += [jobs.start(self._tree.values, ten) for ten in in_tens([*rest, *labels])]

            values: dict[str, str] = {}
            for ten in jobs.results(value_jobs):
                values |= ten
            zones_of = dict(zip(regions, jobs.results(zone_jobs), strict=True)) if zones else {}
            regions_of = {code: jobs.result(job) for code, job in check_jobs.items()}

        return Catalog(
            regions=tuple(
                Region(code=code, zones=zones_of.get(code), **_attributes(code, values))
                for code in regions
            ),
            services=tuple(
                Service(
                    code=code,
                    name=values.get(_label(code)),
                    listed=code in listed_codes,
                )
                for code in services
            ),
            availability=tuple(
                Availability(region_code=code, service_codes=services_of[code]) for code in regions
            ),
            provenance=Provenance(
                source=source,
                live=live,
                fetched_at=dt.datetime.now(dt.UTC),
                data_as_of=data_as_of,
                calls=self._tree.calls,
            ),
            completeness=_completeness(
                services_of,
                services,
                listed,
                names,
                values,
                zone_lists=len(zones_of) * len(ZONE_KINDS) if zones else None,
                checked_lists=len(regions_of) if cross_check else None,
            ),
            cross_check=_compare(services_of, regions_of) if cross_check else None,
        )

    def region_codes(self) -> list[str]:
        """Read all region codes, sorted.

        Raises
        ------
        DataSourceError
            If they could not be read, or there are none.
        """
        return self._codes("regions")

    def service_codes(self) -> list[str]:
        """Read the codes of all listed services, sorted.

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
                f"SSM lists no {kind} below {ROOT}/{kind}. Not every partition has these "
                "parameters, and an SSM endpoint other than AWS may lack them."
            )
        return codes

    def _service_codes_in(self, region_code: str) -> tuple[str, ...]:
        path = f"{ROOT}/regions/{region_code}/services"
        # No region is without services, so an empty list is not believed until it is said twice.
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


class _Jobs:
    """Lists that are read at the same time. The first failure ends them all."""

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
        # Who pressed Ctrl-C does not wait for the answers that are under way.
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
            # This job only stopped because another one failed: that one's error is the news.
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


def _attributes(region_code: str, values: Mapping[str, str]) -> dict[str, str | None]:
    return {
        field: values.get(f"{ROOT}/regions/{region_code}/{key}")
        for field, key in REGION_ATTRIBUTES.items()
    }


def _completeness(
    services_of: Mapping[str, Sequence[str]],
    services: Sequence[str],
    listed: Sequence[str],
    names: Sequence[str],
    values: Mapping[str, str],
    zone_lists: int | None,
    checked_lists: int | None,
) -> Completeness:
    """Count what was asked for and what came; whatever failed has been raised before."""
    regions = list(services_of)
    empty = tuple(code for code, codes in services_of.items() if not codes)
    attributes = [name for name in names if name.startswith(f"{ROOT}/regions/")]
    labels = [name for name in names if name.startswith(f"{ROOT}/services/")]
    parts = [
        Part(name="regions", expected=len(regions), received=len(regions)),
        Part(name="listed services", expected=len(listed), received=len(listed)),
        Part(
            name="service lists of regions",
            expected=len(regions),
            received=len(regions) - len(empty),
            missing=empty,
        ),
        _named_part("region attributes", attributes, values),
        _named_part("service names", labels, values),
    ]
    if zone_lists is not None:
        parts.append(Part(name="zone lists of regions", expected=zone_lists, received=zone_lists))
    if checked_lists is not None:
        parts.append(
            Part(
                name="region lists of services",
                expected=len(services),
                received=checked_lists,
            )
        )
    return Completeness(parts=tuple(parts))


def _named_part(name: str, asked: Sequence[str], values: Mapping[str, str]) -> Part:
    missing = tuple(entry.removeprefix(f"{ROOT}/") for entry in asked if entry not in values)
    return Part(name=name, expected=len(asked), received=len(asked) - len(missing), missing=missing)


def _compare(
    services_of: Mapping[str, Sequence[str]], regions_of: Mapping[str, Sequence[str]]
) -> CrossCheck:
    by_region = {(region, service) for region, codes in services_of.items() for service in codes}
    by_service = {(region, service) for service, codes in regions_of.items() for region in codes}
    return CrossCheck(
        only_in_regions_tree=_pairs(by_region - by_service),
        only_in_services_tree=_pairs(by_service - by_region),
    )


def _pairs(pairs: Iterable[tuple[str, str]]) -> tuple[Pair, ...]:
    return tuple(
        Pair(region_code=region, service_code=service) for region, service in sorted(pairs)
    )
