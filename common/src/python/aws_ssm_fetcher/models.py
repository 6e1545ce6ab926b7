"""The domain: regions, services, which services each region has, and how complete the data is.

Codes (`af-south-1`, `ec2`) are opaque keys, exactly as the parameter tree spells them. Names are
labels and need not be unique. All models are frozen and strict, and a round trip through JSON does
not change them.

Source of the data: the public SSM parameters below `/aws/service/global-infrastructure`, see
https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters-global-infrastructure.html
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

Code = Annotated[str, Field(min_length=1)]
"""A region or service code: opaque, compared byte for byte, never parsed."""


class DomainModel(BaseModel):
    """Base of the domain's models: immutable, no coercion, no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Zones(DomainModel):
    """The zone IDs of one region by kind, such as `afs1-az1` or `afs1-los1-az1`; all are sorted."""

    availability: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    wavelength: tuple[str, ...] = ()


class Region(DomainModel):
    """One AWS region.

    Attributes
    ----------
    code
        The region's key, such as `af-south-1`.
    name
        `longName` in the tree, or None if it does not exist.
    partition, domain, country, subdivision
        `partition`, `domain`, `geolocationCountry` (ISO 3166-1) and `geolocationRegion`
        (ISO 3166-2) in the tree, or None if they do not exist.
    zones
        The region's zones, or None if they were not requested.
    """

    code: Code
    name: str | None = None
    partition: str | None = None
    domain: str | None = None
    country: str | None = None
    subdivision: str | None = None
    zones: Zones | None = None

    @property
    def label(self) -> str:
        """The name if there is one, else the code."""
        return self.name or self.code


class Service(DomainModel):
    """One AWS service.

    Attributes
    ----------
    code
        The service's key, such as `ec2`.
    name
        `longName` in the tree, or None if it does not exist.
    listed
        Whether the tree's list of services contains it; False if only regions do.
    """

    code: Code
    name: str | None = None
    listed: bool = True

    @property
    def label(self) -> str:
        """The name if there is one, else the code."""
        return self.name or self.code


class Availability(DomainModel):
    """The sorted, distinct services of one region."""

    region_code: Code
    service_codes: tuple[Code, ...]


class Pair(DomainModel):
    """One service in one region."""

    region_code: Code
    service_code: Code


class CrossCheck(DomainModel):
    """The pairs that only the `regions/` tree or only the `services/` tree has; both are sorted."""

    only_in_regions_tree: tuple[Pair, ...]
    only_in_services_tree: tuple[Pair, ...]

    @property
    def agrees(self) -> bool:
        """Whether both trees have the same pairs."""
        return not (self.only_in_regions_tree or self.only_in_services_tree)


class RegionLaunch(DomainModel):
    """The launch date of a region, and its announcement."""

    region_code: Code
    launched_on: dt.date
    announcement_url: str | None = None


class Launches(DomainModel):
    """The content of a feed of region launches.

    Attributes
    ----------
    source
        The origin of the dates as reports state it: a URL, or "bundled launch dates".
    launches
        One entry per region, sorted by code; empty if the feed failed.
    warnings
        Messages for readers, such as an unreachable feed or items that could not be read.
    failed
        Whether the feed as a whole could not be fetched or read.
    """

    source: str
    launches: tuple[RegionLaunch, ...] = ()
    warnings: tuple[str, ...] = ()
    failed: bool = False


class Part(DomainModel):
    """How complete one part of a fetch is.

    Attributes
    ----------
    name
        The part, such as "region attributes".
    expected, received
        Number of requested and of received items.
    missing
        Items that the source does not have, such as the name of a service. This is not a failure.
    failed
        Items that the source has but that could not be read, each with its reason.
    required
        Whether a failure of this part makes the report incomplete.
    """

    name: str
    expected: Annotated[int, Field(ge=0)]
    received: Annotated[int, Field(ge=0)]
    missing: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    required: bool = True


class Completeness(DomainModel):
    """How complete a catalog is, part by part."""

    parts: tuple[Part, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether no required part failed."""
        return not any(part.failed for part in self.parts if part.required)


class Provenance(DomainModel):
    """The origin and age of a catalog.

    Attributes
    ----------
    source
        The origin as reports state it: "AWS SSM public parameters in us-east-1", "snapshot in moto
        5.2.5".
    live
        False for a snapshot, so that nobody mistakes a demonstration for live data.
    fetched_at
        When the data was read from its source (UTC).
    data_as_of
        The day after which a snapshot cannot have changed. None for live data, or if unknown.
    calls
        Number of calls to the source by operation.
    """

    source: str
    live: bool
    fetched_at: AwareDatetime
    data_as_of: dt.date | None = None
    calls: dict[str, int] = Field(default_factory=dict)


class Catalog(DomainModel):
    """The result of one fetch: everything that is in the tree.

    Attributes
    ----------
    regions, services
        Sorted by code, each code once. Services that only regions have are included.
    availability
        One entry for each region, sorted by region code.
    cross_check
        The differences between the two trees, or None if they were not compared.
    """

    regions: tuple[Region, ...]
    services: tuple[Service, ...]
    availability: tuple[Availability, ...]
    provenance: Provenance
    completeness: Completeness = Completeness()
    cross_check: CrossCheck | None = None

    @model_validator(mode="after")
    def _require_consistent_codes(self) -> Self:
        regions = [region.code for region in self.regions]
        services = [service.code for service in self.services]
        for kind, codes in (("region", regions), ("service", services)):
            if len(set(codes)) != len(codes):
                raise ValueError(f"a {kind} code appears twice")
        if [entry.region_code for entry in self.availability] != regions:
            raise ValueError("availability must have one entry per region, in the same order")
        known = set(services)
        for entry in self.availability:
            if len(set(entry.service_codes)) != len(entry.service_codes):
                raise ValueError(f"a service appears twice in region {entry.region_code!r}")
            if unknown := set(entry.service_codes) - known:
                raise ValueError(
                    f"region {entry.region_code!r} has services that are not in the catalog: "
                    f"{', '.join(sorted(unknown))}"
                )
        return self

    @property
    def pair_count(self) -> int:
        """Number of pairs (region, service)."""
        return sum(len(entry.service_codes) for entry in self.availability)
