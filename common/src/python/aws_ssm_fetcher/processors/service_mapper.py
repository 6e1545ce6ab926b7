"""Convert a catalog into typed Polars frames, sorted by code.

Codes are keys and names are labels. Every join uses codes, so two services with the same name stay
separate, and a service without a name appears under its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from aws_ssm_fetcher.models import Catalog

type CoverageClass = Literal["universal", "high", "medium", "low", "none"]

COVERAGE_CLASSES: tuple[CoverageClass, ...] = get_args(CoverageClass.__value__)
"""All classes, from the widest to the narrowest; see :func:`coverage_class`."""

HIGH_COVERAGE = 0.8
"""The coverage of a service is high from this share of all regions."""

MEDIUM_COVERAGE = 0.5
"""The coverage of a service is medium from this share of all regions."""

REGIONS_SCHEMA = pl.Schema(
    {
        "region_code": pl.String(),
        "region_name": pl.String(),
        "named": pl.Boolean(),
        "partition": pl.String(),
        "country": pl.String(),
        "availability_zones": pl.Int64(),
        "local_zones": pl.Int64(),
        "wavelength_zones": pl.Int64(),
        "service_count": pl.Int64(),
    }
)
SERVICES_SCHEMA = pl.Schema(
    {
        "service_code": pl.String(),
        "service_name": pl.String(),
        "named": pl.Boolean(),
        "listed": pl.Boolean(),
        "region_count": pl.Int64(),
        "coverage": pl.Float64(),
        "coverage_class": pl.Enum(COVERAGE_CLASSES),
    }
)
PAIRS_SCHEMA = pl.Schema({"region_code": pl.String(), "service_code": pl.String()})


@dataclass(frozen=True, slots=True)
class Frames:
    """A catalog as frames.

    Attributes
    ----------
    regions
        Columns of `REGIONS_SCHEMA`, one row per region. `region_name` is the name in the tree; if
        there is none, it is the code, and `named` is False. The numbers of zones are null if zones
        were not requested. `service_count` is the number of services in the region.
    services
        Columns of `SERVICES_SCHEMA`, one row per service. `region_count` is the number of regions
        that have it, and `coverage` is its share of all regions (0 to 1; null if there are no
        regions).
    pairs
        Columns of `PAIRS_SCHEMA`, one row per service in a region, sorted by region, then service.
    presence
        `service_code`, and a Boolean column per region: whether the region has the service. The
        rows are in the order of `services`, the columns in the order of `regions`. The columns are
        named by position (`region_0`, ...), so a region's code cannot clash with another column.
    """

    regions: pl.DataFrame
    services: pl.DataFrame
    pairs: pl.DataFrame
    presence: pl.DataFrame

    @property
    def presence_columns(self) -> list[str]:
        """The names of the region columns of `presence`, in the order of `regions`."""
        return self.presence.columns[1:]


def map_catalog(catalog: Catalog) -> Frames:
    """Convert a catalog into frames; all of its regions, services and pairs are included."""
    pairs = _pairs(catalog)
    regions = _regions(catalog, pairs)
    services = _services(catalog, pairs)
    return Frames(regions, services, pairs, _presence(catalog, regions, services))


def coverage_class(coverage: pl.Expr) -> pl.Expr:
    """Return the class of a service's coverage (0 to 1, or null if there are no regions).

    `universal`: all regions; `high`: at least 80 %; `medium`: at least 50 %; `low`: fewer; `none`:
    no region.
    """
    return (
        pl.when(coverage >= 1)
        .then(pl.lit("universal"))
        .when(coverage >= HIGH_COVERAGE)
        .then(pl.lit("high"))
        .when(coverage >= MEDIUM_COVERAGE)
        .then(pl.lit("medium"))
        .when(coverage > 0)
        .then(pl.lit("low"))
        .otherwise(pl.lit("none"))
        .cast(pl.Enum(COVERAGE_CLASSES))
    )


def _pairs(catalog: Catalog) -> pl.DataFrame:
    return (
        pl.DataFrame(
            {
                "region_code": [entry.region_code for entry in catalog.availability],
                "service_code": [entry.service_codes for entry in catalog.availability],
            },
            schema={"region_code": pl.String(), "service_code": pl.List(pl.String())},
        )
        .explode("service_code", empty_as_null=False)
        .sort("region_code", "service_code")
    )


def _regions(catalog: Catalog, pairs: pl.DataFrame) -> pl.DataFrame:
    zones = [region.zones for region in catalog.regions]
    return (
        pl.DataFrame(
            {
                "region_code": [region.code for region in catalog.regions],
                "region_name": [region.label for region in catalog.regions],
                "named": [bool(region.name) for region in catalog.regions],
                "partition": [region.partition for region in catalog.regions],
                "country": [region.country for region in catalog.regions],
                "availability_zones": [known and len(known.availability) for known in zones],
                "local_zones": [known and len(known.local) for known in zones],
                "wavelength_zones": [known and len(known.wavelength) for known in zones],
            },
            schema={name: kind for name, kind in REGIONS_SCHEMA.items() if name != "service_count"},
        )
        .join(_counts(pairs, "region_code", "service_count"), on="region_code", how="left")
        .with_columns(pl.col("service_count").fill_null(0))
        .sort("region_code")
    )


def _services(catalog: Catalog, pairs: pl.DataFrame) -> pl.DataFrame:
    regions = len(catalog.regions)
    # A table of quotients, because Polars divides a column by a number by multiplying with its
    # reciprocal, and the last digit may differ: 5/6 would be 0.8333333333333333 instead of ...34.
    coverage = {count: count / regions if regions else None for count in range(regions + 1)}
    return (
        pl.DataFrame(
            {
                "service_code": [service.code for service in catalog.services],
                "service_name": [service.label for service in catalog.services],
                "named": [bool(service.name) for service in catalog.services],
                "listed": [service.listed for service in catalog.services],
            },
            schema={name: SERVICES_SCHEMA[name] for name in SERVICES_SCHEMA.names()[:4]},
        )
        .join(_counts(pairs, "service_code", "region_count"), on="service_code", how="left")
        .with_columns(pl.col("region_count").fill_null(0))
        .with_columns(
            coverage=pl.col("region_count").replace_strict(coverage, return_dtype=pl.Float64())
        )
        .with_columns(coverage_class=coverage_class(pl.col("coverage")))
        .sort("service_code")
    )


def _counts(pairs: pl.DataFrame, key: str, name: str) -> pl.DataFrame:
    return pairs.group_by(key).agg(pl.len().cast(pl.Int64()).alias(name))


def _presence(catalog: Catalog, regions: pl.DataFrame, services: pl.DataFrame) -> pl.DataFrame:
    service_codes = {entry.region_code: entry.service_codes for entry in catalog.availability}
    return services.select(
        "service_code",
        *(
            pl.col("service_code").is_in(service_codes[code]).alias(f"region_{index}")
            for index, code in enumerate(regions["region_code"])
        ),
    )
