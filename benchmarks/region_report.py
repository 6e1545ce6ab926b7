"""Measure the region and service report, compared with a plain boto3 fetch in the same run.

Both read the whole parameter tree, including zones, from a local server in a separate process. The
plain fetch uses boto3 with its defaults in eight threads, and discards the result. The report also
does all calculations and writes all files. The benchmark prints the medians of the CPU seconds and
the peak memory of each process, including imports, the calls by operation, and the ratio.

    bin/pants run benchmarks/region_report.py -- [--runs N] [--no-zones]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path

from local_cloud.server import moto_server

ROOT = "/aws/service/global-infrastructure"


@dataclass(frozen=True)
class Cost:
    """What a process used, according to the operating system."""

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    calls: dict[str, int]
    stages: dict[str, float] = field(default_factory=dict)


def plain_fetch(endpoint: str, zones: bool) -> Cost:
    """Fetch everything with a boto3 client in eight threads: the baseline."""
    import boto3

    client = boto3.client("ssm", endpoint_url=endpoint, region_name="us-east-1")
    calls: Counter[str] = Counter()

    def children(path: str) -> list[str]:
        names: list[str] = []
        for page in client.get_paginator("get_parameters_by_path").paginate(Path=f"{ROOT}/{path}"):
            calls["GetParametersByPath"] += 1
            names += [entry["Name"].rpartition("/")[2] for entry in page["Parameters"]]
        return names

    def values(names: list[str]) -> list[str]:
        calls["GetParameters"] += 1
        return [entry["Value"] for entry in client.get_parameters(Names=names)["Parameters"]]

    attributes = ("longName", "partition", "domain", "geolocationCountry", "geolocationRegion")
    kinds = ("availability-zones", "local-zones", "wavelength-zones")
    with ThreadPoolExecutor(8) as pool:
        regions, services = children("regions"), children("services")
        paths = [f"regions/{code}/services" for code in regions]
        if zones:
            paths += [f"regions/{code}/{kind}" for code in regions for kind in kinds]
        list(pool.map(children, paths))
        names = [f"{ROOT}/services/{code}/longName" for code in services]
        names += [f"{ROOT}/regions/{code}/{key}" for code in regions for key in attributes]
        list(pool.map(values, [names[at : at + 10] for at in range(0, len(names), 10)]))
    return _cost(dict(calls))


def whole_report(endpoint: str, zones: bool) -> Cost:
    """Create the report as a user does, from the fetch to the files."""
    from aws_ssm_fetcher.core.config import Config
    from aws_ssm_fetcher.data_fetcher import AWSSSMDataFetcher, Source
    from aws_ssm_fetcher.data_sources.rss import BundledLaunchFeed
    from aws_ssm_fetcher.pipeline import Options, make_report

    os.environ["AWS_ENDPOINT_URL"] = endpoint
    with tempfile.TemporaryDirectory() as folder:
        result = make_report(
            AWSSSMDataFetcher(
                Config(cache_enabled=False), max_tps=10_000, source=Source("benchmark")
            ),
            BundledLaunchFeed(),
            Options(output_dir=Path(folder), zones=zones),
        )
    return _cost(result.report.metadata.source.calls, result.stage_seconds)


def _cost(calls: dict[str, int], stages: dict[str, float] | None = None) -> Cost:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return Cost(
        cpu_seconds=time.process_time(),
        wall_seconds=0.0,
        peak_mb=int(peak.split()[1]) / 1024,
        calls=calls,
        stages=stages or {},
    )


def _measure(work: Callable[[str, bool], Cost], endpoint: str, zones: bool) -> Cost:
    """Run the work in a new interpreter."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    started = time.monotonic()
    process = context.Process(target=_child, args=(theirs, work, endpoint, zones))
    process.start()
    theirs.close()
    # A dictionary, because the child cannot unpickle a class of this file under Pants.
    cost = Cost(**ours.recv())
    process.join()
    return replace(cost, wall_seconds=time.monotonic() - started)


def _child(
    connection: Connection, work: Callable[[str, bool], Cost], endpoint: str, zones: bool
) -> None:
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    connection.send(asdict(work(endpoint, zones)))


def main() -> None:
    """Measure both alternately, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-zones", dest="zones", action="store_false")
    args = parser.parse_args()

    costs: dict[str, list[Cost]] = {"whole report": [], "plain fetch": []}
    with moto_server() as endpoint:
        for _ in range(args.runs):
            costs["whole report"].append(_measure(whole_report, endpoint, args.zones))
            costs["plain fetch"].append(_measure(plain_fetch, endpoint, args.zones))

    def median(name: str, value: Callable[[Cost], float]) -> float:
        return statistics.median(value(cost) for cost in costs[name])

    print(f"{'':<14}{'CPU s':>8}{'wall s':>8}{'peak MB':>9}{'calls':>7}  calls by operation")
    for name, runs in costs.items():
        print(
            f"{name:<14}{median(name, lambda c: c.cpu_seconds):>8.2f}"
            f"{median(name, lambda c: c.wall_seconds):>8.2f}"
            f"{median(name, lambda c: c.peak_mb):>9.0f}{sum(runs[0].calls.values()):>7}"
            f"  {dict(sorted(runs[0].calls.items()))}"
        )
    ratios = [
        ours.cpu_seconds / plain.cpu_seconds
        for ours, plain in zip(costs["whole report"], costs["plain fetch"], strict=True)
    ]
    print(f"CPU, whole report / plain fetch: {statistics.median(ratios):.2f}")
    print("wall seconds by stage of the report (median):")
    for stage in costs["whole report"][0].stages:
        seconds = statistics.median(cost.stages[stage] for cost in costs["whole report"])
        print(f"  {stage:<32}{seconds:>8.2f}")


if __name__ == "__main__":
    main()
