"""The domain: regions, services, where each service is, and how completely that is known.

Codes (`af-south-1`, `ec2`) are opaque keys, exactly as the parameter tree spells them; names are
labels and need not be unique. All models are frozen and strict, and survive a round trip through
JSON unchanged.

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
    """Ids of the zones of one region, each kind sorted (`afs1-az1`, `afs1-los1-az1`)."""

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
        `longName` of the tree, or None where the tree has none.
    partition, domain, country, subdivision
        `partition`, `domain`, `geolocationCountry` (ISO 3166-1) and `geolocationRegion`
        (ISO 3166-2) of the tree, or None where the tree has none.
    zones
        The region's zones, or None where they were not asked for.
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
        """What a reader sees: the name, or else the code."""
        return self.name or self.code


class Service(DomainModel):
    """One AWS service.

    Attributes
    ----------
    code
        The service's key, such as `ec2`.
    name
        `longName` of the tree, or None where the tree has none.
    listed
        Whether it stands in the tree's list of services; False for a service that is only found
        in a region.
    """

    code: Code
    name: str | None = None
    listed: bool = True

    @property
    def label(self) -> str:
        """What a reader sees: the name, or else the code."""
        return self.name or self.code


class Availability(DomainModel):
    """The services of one region: its pairs (region, service). Sorted, without repetition."""

    region_code: Code
    service_codes: tuple[Code, ...]


class Pair(DomainModel):
    """One service in one region."""

    region_code: Code
    service_code: Code


class CrossCheck(DomainModel):
    """How the `regions/` tree and the `services/` tree differ in their pairs; both sorted."""

    only_in_regions_tree: tuple[Pair, ...]
    only_in_services_tree: tuple[Pair, ...]

    @property
    def agrees(self) -> bool:
        """Whether both trees hold the same pairs."""
        return not (self.only_in_regions_tree or self.only_in_services_tree)


class RegionLaunch(DomainModel):
    """When a region was launched, and where that is said."""

    region_code: Code
    launched_on: dt.date
    announcement_url: str | None = None


class Launches(DomainModel):
    """What a feed of region launches told.

    Attributes
    ----------
    source
        Where the dates are from, for readers: a URL, or "bundled launch dates".
    launches
        One entry a region, sorted by code; empty where the feed could not be had.
    warnings
        What a reader should know: an unreachable feed, items that could not be read.
    failed
        Whether the feed could not be had or read at all.
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
        Counts of what was asked for and what came.
    missing
        What the source does not have (a label without a parameter, say): named, no failure.
    failed
        What the source has but could not be read, each with its reason.
    required
        Whether the report is incomplete where this part failed.
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
        """Whether nothing that the report needs failed."""
        return not any(part.failed for part in self.parts if part.required)


class Provenance(DomainModel):
    """Where a catalog is from and how old it is.

    Attributes
    ----------
    source
        For readers: "AWS SSM public parameters in us-east-1", "snapshot in moto 5.2.5".
    live
        False for a snapshot: nobody may take a demonstration for live data.
    fetched_at
        When it was read from its source (UTC).
    data_as_of
        The day after which the data cannot have changed, for a snapshot; None for live data and
        where it is not known.
    calls
        Calls to the source by operation.
    """

    source: str
    live: bool
    fetched_at: AwareDatetime
    data_as_of: dt.date | None = None
    calls: dict[str, int] = Field(default_factory=dict)


class Catalog(DomainModel):
    """Everything that one fetch learned. The tree decides what exists; nothing is dropped.

    Attributes
    ----------
    regions, services
        Sorted by code, each code once. A service found only in a region is here too.
    availability
        One entry for each region, sorted by region code.
    cross_check
        Differences between the two trees, where they were compared.
    """

    regions: tuple[Region, ...]
    services: tuple[Service, ...]
    availability: tuple[Availability, ...]
    provenance: Provenance
    completeness: Completeness = Completeness()
    cross_check: CrossCheck | None = None

    @model_validator(mode="after")
    def _codes_are_consistent(self) -> Self:
        regions = [region.code for region in self.regions]
        services = [service.code for service in self.services]
        for kind, codes in (("region", regions), ("service", services)):
            if len(set(codes)) != len(codes):
                raise ValueError(f"a {kind} code occurs twice")
        if [entry.region_code for entry in self.availability] != regions:
            raise ValueError("availability must have one entry for each region, in their order")
        known = set(services)
        for entry in self.availability:
            if len(set(entry.service_codes)) != len(entry.service_codes):
                raise ValueError(f"a service occurs twice in region {entry.region_code!r}")
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
