"""From a catalog to typed Polars frames, each made once and sorted by code.

Codes are keys and names are labels: every join is over codes, so two services of one name stay
two, and one without a name is shown by its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from aws_ssm_fetcher.models import Catalog

type CoverageClass = Literal["universal", "high", "medium", "low", "none"]

COVERAGE_CLASSES: tuple[CoverageClass, ...] = get_args(CoverageClass.__value__)
"""From the widest to the narrowest, see :func:`coverage_class`."""

HIGH_COVERAGE = 0.8
"""From this share of all regions on, a service's coverage is high."""

MEDIUM_COVERAGE = 0.5
"""From this share of all regions on, a service's coverage is medium."""

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
        Columns of `REGIONS_SCHEMA`, one row a region. `region_name` is the label (the code where
        the tree has no name, `named` is then False), the zone counts are null where zones were
        not asked for, `service_count` is the number of services in the region.
    services
        Columns of `SERVICES_SCHEMA`, one row a service. `region_count` is the number of regions
        that have it, `coverage` that number's share of all regions (0 to 1; null where there is
        no region).
    pairs
        Columns of `PAIRS_SCHEMA`, one row a service in a region; by region, then service.
    presence
        `service_code` and a Boolean column a region, whether the region has the service; rows in
        the order of `services`, columns in the order of `regions`. The columns are named by
        position (`region_0`, ...), so that no region's code can clash with another column.
    """

    regions: pl.DataFrame
    services: pl.DataFrame
    pairs: pl.DataFrame
    presence: pl.DataFrame

    @property
    def presence_columns(self) -> list[str]:
        """Names of the region columns of `presence`, in the order of `regions`."""
        return self.presence.columns[1:]


def map_catalog(catalog: Catalog) -> Frames:
    """Make the frames of a catalog; nothing in it is dropped."""
    pairs = _pairs(catalog)
    regions = _regions(catalog, pairs)
    services = _services(catalog, pairs)
    return Frames(regions, services, pairs, _presence(catalog, regions, services))


def coverage_class(coverage: pl.Expr) -> pl.Expr:
    """Class of a service's coverage (0 to 1, or null where there is no region).

    `universal` in all regions, `high` in 80 % of them or more, `medium` in 50 % or more, `low` in
    fewer, `none` in no region.
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
    # A table of quotients, because Polars divides a column by one number as a multiplication by
    # its reciprocal, whose last digit may differ: 5/6 would be 0.8333333333333333 and not ...34.
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
