"""Works out what each pipeline costs a month, and writes it into docs/costs.md.

    python build-support/ci/costs.py

What stands above the tables is written by hand.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MARK: Final = "<!-- The rest is written by build-support/ci/costs.py. -->\n"

ROOT: Final = Path(__file__).resolve().parents[2]

DAYS: Final = 30

HOURS: Final = 730


@dataclass(frozen=True)
class Price:
    """What one unit costs, in US dollars."""

    dollars: float
    unit: str
    page: str


# List prices of us-east-1 without free tiers, volume discounts and taxes.
PRICES: Final[Mapping[str, Price]] = {
    "Lambda on x86_64": Price(0.0000166667, "GB-second", "lambda"),
    "Lambda on arm64": Price(0.0000133334, "GB-second", "lambda"),
    "Lambda's requests": Price(0.20 / 1e6, "request", "lambda"),
    "Lambda's storage": Price(0.0000000309, "GB-second above 512 MB", "lambda"),
    "Step Functions": Price(0.025 / 1e3, "state transition", "step-functions"),
    "Scheduler": Price(1.00 / 1e6, "invocation", "eventbridge"),
    "S3 writes and lists": Price(0.005 / 1e3, "request", "s3"),
    "S3 reads": Price(0.0004 / 1e3, "request", "s3"),
    "S3 storage": Price(0.023, "GB-month", "s3"),
    "DynamoDB writes": Price(0.625 / 1e6, "write request unit", "dynamodb"),
    "DynamoDB reads": Price(0.125 / 1e6, "read request unit", "dynamodb"),
    "DynamoDB storage": Price(0.25, "GB-month", "dynamodb"),
    "DynamoDB recovery": Price(0.20, "GB-month", "dynamodb"),
    "Logs, taken in": Price(0.50, "GB", "cloudwatch"),
    "Logs, kept": Price(0.03, "GB-month", "cloudwatch"),
    "Metrics": Price(0.30 / HOURS, "metric and hour with a value", "cloudwatch"),
    "Alarms": Price(0.10, "metric that is watched", "cloudwatch"),
    "Dashboards": Price(3.00, "dashboard", "cloudwatch"),
    "X-Ray": Price(5.00 / 1e6, "trace", "cloudwatch"),
    "KMS keys": Price(1.00, "key", "kms"),
    "KMS requests": Price(0.03 / 1e4, "request", "kms"),
    "SNS mails": Price(2.00 / 1e5, "mail", "sns"),
    "SQS": Price(0.40 / 1e6, "request", "sqs"),
}


@dataclass(frozen=True)
class Line:
    """How much of something is used in a month, and why so much."""

    price: str
    amount: float
    why: str

    @property
    def dollars(self) -> float:
        """What it costs."""
        return self.amount * PRICES[self.price].dollars


@dataclass(frozen=True)
class Pipeline:
    """What one pipeline uses in a month, on x86_64."""

    title: str
    lines: Sequence[Line]

    def dollars(self, architecture: str) -> float:
        """Return what all of it costs on an architecture."""
        compute = "Lambda on x86_64"
        return sum(
            Line(f"Lambda on {architecture}", line.amount, line.why).dollars
            if line.price == compute
            else line.dollars
            for line in self.lines
        )


def memory_gb(root: Path, pipeline: str) -> dict[str, float]:
    """Return the memory of each function of a pipeline, which is what Lambda charges for."""
    settings = json.loads((root / "lambda/functions.json").read_text(encoding="utf-8"))[pipeline]
    return {name: one["memory_mb"] / 1024 for name, one in settings.items()}


def compute(memory: Mapping[str, float], runs: Mapping[str, tuple[int, float]]) -> Line:
    """Return the compute time of functions, from runs a month and seconds of each."""
    assert runs.keys() <= memory.keys(), "a function that is none"  # noqa: S101
    seconds = sum(memory[name] * count * each for name, (count, each) in runs.items())
    why = "; ".join(
        f"`{name}` {count} × {each:g} s × {memory[name]:.2f} GB"
        for name, (count, each) in runs.items()
    )
    return Line("Lambda on x86_64", seconds, why)


def region_report(root: Path) -> Pipeline:
    """Return what the region report uses: one execution a day."""
    memory = memory_gb(root, "region_report")
    runs = {
        "data_fetcher": (DAYS, 65.0),
        "processor": (DAYS, 10.0),
        "json_csv_generator": (DAYS, 10.0),
        "excel_generator": (DAYS, 20.0),
        "report_orchestrator": (DAYS, 10.0),
    }
    functions = len(memory)
    return Pipeline(
        "Region report",
        [
            compute(memory, runs),
            Line("Lambda's requests", functions * DAYS, f"{functions} functions, once a day"),
            Line("Step Functions", 10 * DAYS, "10 states from start to end"),
            Line("Scheduler", DAYS, "once a day"),
            Line("S3 writes and lists", 150 * DAYS, "150 an execution at most"),
            Line("S3 reads", 150 * DAYS, "150 an execution at most"),
            Line(
                "S3 storage", 3, "a set of 5 MB for each day of a year, a month of what lay between"
            ),
            Line("Logs, taken in", 0.05, "1.5 MB an execution, its events among them"),
            Line("Logs, kept", 0.05, "14 days of them"),
            Line("Metrics", 35 * DAYS, "35 metrics, each with a value in one hour of a day"),
            Line("Alarms", 3 * functions + 7, "3 of each function, 7 of the pipeline"),
            Line("Dashboards", 1, "one"),
            Line("X-Ray", DAYS, "one trace an execution"),
            Line("KMS keys", 1, "one; each yearly rotation adds 1 at first"),
            Line("KMS requests", 500 * DAYS, "500 an execution"),
            Line("SNS mails", 2 * DAYS, "of success, to two people"),
        ],
    )


def event_log_checkpoint(root: Path) -> Pipeline:
    """Return what the event log checkpoint uses: a run every hour, 100 new files in each."""
    memory = memory_gb(root, "event_log_checkpoint")
    runs = 24 * DAYS
    seconds = 6.0
    return Pipeline(
        "Event log checkpoint",
        [
            compute(memory, {"event_log_checkpoint": (runs, seconds)}),
            Line("Lambda's requests", runs, "one an hour"),
            Line("Lambda's storage", 1.5 * runs * seconds, "2 GB, of which 0.5 are free"),
            Line("Scheduler", runs, "one an hour"),
            Line("S3 writes and lists", (26 + 3) * runs, "26 lists of 25,000 files, and 3 writes"),
            Line("S3 reads", (100 + 4) * runs, "100 new files, and 4 of its own"),
            Line("S3 writes and lists", 100 * runs, "those who write the 100 new files"),
            Line("S3 storage", 2, "files of 4 kB for half a year, the checkpoint and its versions"),
            Line("Logs, taken in", 0.1, "100 kB a run and more"),
            Line("Logs, kept", 0.1, "30 days of them"),
            Line("Metrics", 20 * HOURS, "20 metrics, each with a value in every hour"),
            Line("Alarms", 15, "3 of each function, 9 metrics of the pipeline"),
            Line("Dashboards", 1, "one"),
            Line("X-Ray", runs, "one trace a run"),
            Line("KMS keys", 1, "one; each yearly rotation adds 1 at first"),
            Line("KMS requests", 50 * runs, "50 a run: buckets have keys of their own"),
        ],
    )


def patch_tracker(root: Path) -> Pipeline:
    """Return what the patch tracker uses: two functions every hour and once a day, one a week."""
    memory = memory_gb(root, "patch_tracker")
    runs = 25 * DAYS
    weeks = 5
    return Pipeline(
        "Patch tracker",
        [
            compute(
                memory,
                {
                    "fetch_patches": (runs, 10.0),
                    "fetch_discussions": (runs, 10.0),
                    "refresh_discussions": (weeks, 120.0),
                },
            ),
            Line("Lambda's requests", 2 * runs + weeks, "two an hour, two a day, one a week"),
            Line("Scheduler", runs + weeks, "one an hour, one a day, one a week"),
            Line(
                "DynamoDB writes",
                11 * 20 * runs + 40 * 50 * DAYS,
                "11 items an hour of 20 units, 40 mails a day of 50: with indexes, in transactions",
            ),
            Line("DynamoDB reads", 500 * runs, "500 units an hour"),
            Line("DynamoDB storage", 2, "a year of one list, with 6 indexes"),
            Line("DynamoDB recovery", 2, "to any moment of 35 days"),
            Line("Logs, taken in", 0.2, "100 kB a run and more"),
            Line("Logs, kept", 0.2, "30 days of them"),
            Line("Metrics", 30 * HOURS, "30 metrics, each with a value in every hour"),
            Line("Alarms", 14, "3 of each function, 5 of the pipeline"),
            Line("Dashboards", 1, "one"),
            Line("X-Ray", 2 * runs + weeks, "one trace a run"),
            Line("KMS keys", 1, "one; each yearly rotation adds 1 at first"),
            Line("KMS requests", 100 * runs, "100 an hour"),
            Line("SQS", 12 * HOURS, "looking into the queue every five minutes"),
        ],
    )


def pipelines(root: Path) -> list[Pipeline]:
    """Return all pipelines."""
    return [region_report(root), event_log_checkpoint(root), patch_tracker(root)]


def tables(root: Path) -> str:
    """Return what a month costs, as text of the page."""
    everything = pipelines(root)
    lines = ["## A month", "", "| pipeline | on x86_64 | on arm64 |", "|---|---|---|"]
    lines += [
        f"| {one.title} | ${one.dollars('x86_64'):.2f} | ${one.dollars('arm64'):.2f} |"
        for one in everything
    ]
    x86, arm = (sum(one.dollars(name) for one in everything) for name in ("x86_64", "arm64"))
    lines += [f"| together | ${x86:.2f} | ${arm:.2f} |", ""]
    for one in everything:
        lines += [f"## {one.title}", "", "| what | how much | because | $ |", "|---|---|---|---|"]
        lines += [
            f"| {line.price} | {line.amount:,.10g} {PRICES[line.price].unit} | {line.why} | "
            f"{line.dollars:.2f} |"
            for line in one.lines
        ]
        lines += [f"| together, on x86_64 | | | {one.dollars('x86_64'):.2f} |", ""]
    lines += ["## Prices", "", "| what | $ | for one | page |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {f'{price.dollars:.10f}'.rstrip('0').rstrip('.')} | {price.unit} | "
        f"[{price.page}](https://aws.amazon.com/{price.page}/pricing/) |"
        for name, price in PRICES.items()
    ]
    return "\n".join([*lines, ""])


def written(page: str, generated: str) -> str:
    """Return the page with its tables, what is above them as it was."""
    by_hand = page.split(MARK)[0].rstrip("\n")
    return f"{by_hand}\n\n{MARK}\n{generated}"


def main() -> int:
    """Write the page."""
    page = ROOT / "docs/costs.md"
    page.write_text(written(page.read_text(encoding="utf-8"), tables(ROOT)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
