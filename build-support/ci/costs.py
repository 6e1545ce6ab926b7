"""Write the tables of docs/costs.md from list prices, measured counts and the configuration.

    python build-support/ci/costs.py

The text above the tables is written by hand. A test fails if the tables are not current.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MARK: Final = "<!-- build-support/ci/costs.py writes everything below. -->\n"

ROOT: Final = Path(__file__).resolve().parents[2]

FREE_STORAGE_MB: Final = 512
"""Ephemeral storage of each function that Lambda does not charge for."""


@dataclass(frozen=True)
class Price:
    """The list price of one unit.

    Attributes
    ----------
    dollars
        US dollars per unit, in us-east-1, without free tiers, discounts and taxes.
    unit
        What is counted.
    page
        Folder of AWS's pricing page, as in https://aws.amazon.com/lambda/pricing/.
    checked
        Month in which a stored copy of a price list confirmed the price, or None.
    """

    dollars: float
    unit: str
    page: str
    checked: str | None = None


PRICES: Final[Mapping[str, Price]] = {
    "Lambda x86_64": Price(0.0000166667, "GB-second", "lambda", "2026-11"),
    "Lambda arm64": Price(0.0000133334, "GB-second", "lambda", "2026-11"),
    "Lambda requests": Price(0.20 / 1e6, "request", "lambda"),
    "Lambda ephemeral storage": Price(0.0000000309, "GB-second above 512 MB", "lambda"),
    "Step Functions": Price(0.025 / 1e3, "state transition", "step-functions", "2026-11"),
    "EventBridge Scheduler": Price(1.00 / 1e6, "invocation", "eventbridge", "2026-11"),
    "S3 writes and lists": Price(0.005 / 1e3, "PUT, COPY or LIST request", "s3"),
    "S3 reads": Price(0.0004 / 1e3, "GET or other request", "s3"),
    "S3 storage": Price(0.023, "GB-month", "s3"),
    "DynamoDB writes": Price(0.625 / 1e6, "write request unit", "dynamodb", "2026-11"),
    "DynamoDB reads": Price(0.125 / 1e6, "read request unit", "dynamodb", "2026-11"),
    "DynamoDB storage": Price(0.25, "GB-month", "dynamodb"),
    "DynamoDB backups": Price(0.20, "GB-month, point-in-time recovery", "dynamodb"),
    "Log ingestion": Price(0.50, "GB", "cloudwatch", "2026-11"),
    "Log storage": Price(0.03, "GB-month", "cloudwatch"),
    "Custom metrics": Price(0.30, "metric-month, billed by the hour", "cloudwatch", "2026-11"),
    "Alarms": Price(0.10, "metric in an alarm, per month", "cloudwatch"),
    "Dashboards": Price(3.00, "dashboard-month", "cloudwatch", "2026-11"),
    "X-Ray": Price(5.00 / 1e6, "trace", "xray"),
    "KMS keys": Price(1.00, "key-month", "kms", "2026-11"),
    "KMS requests": Price(0.03 / 1e4, "request", "kms"),
    "SNS email": Price(2.00 / 1e5, "email", "sns"),
    "SQS": Price(0.40 / 1e6, "request", "sqs"),
}


@dataclass(frozen=True)
class Run:
    """What one run of a pipeline requests, as counted.

    Attributes
    ----------
    title
        Which run was counted.
    counts
        Units by the name of their price.
    """

    title: str
    counts: Mapping[str, int]

    @property
    def dollars(self) -> float:
        """Cost of the requests of one run."""
        return sum(PRICES[name].dollars * count for name, count in self.counts.items())


@dataclass(frozen=True)
class Pipeline:
    """The counts behind one pipeline's costs.

    Attributes
    ----------
    title
        Name for readers.
    key
        Name of its stack, and of its section in lambda/functions.json.
    alarm_metrics
        Metrics in its alarms, counted over all alarms of the stack.
    runs
        The runs that were counted.
    """

    title: str
    key: str
    alarm_metrics: int
    runs: Sequence[Run]

    @property
    def fixed(self) -> float:
        """Cost of a month in which nothing runs: alarms, one dashboard, one key."""
        alarms = self.alarm_metrics * PRICES["Alarms"].dollars
        return alarms + PRICES["Dashboards"].dollars + PRICES["KMS keys"].dollars


PIPELINES: Final = (
    Pipeline(
        "Region report",
        "region_report",
        alarm_metrics=22,
        runs=(
            Run(
                "an execution",
                {
                    "Lambda requests": 5,
                    "Step Functions": 10,
                    "EventBridge Scheduler": 1,
                    "S3 writes and lists": 39,
                    "S3 reads": 41,
                    "X-Ray": 1,
                },
            ),
        ),
    ),
    Pipeline(
        "Event log checkpoint",
        "event_log_checkpoint",
        alarm_metrics=15,
        runs=(
            Run(
                "a run that lists 25,000 files and reads 100 new ones",
                {
                    "Lambda requests": 1,
                    "EventBridge Scheduler": 1,
                    "S3 writes and lists": 26 + 3,
                    "S3 reads": 100 + 4,
                    "X-Ray": 1,
                },
            ),
        ),
    ),
    Pipeline(
        "Patch tracker",
        "patch_tracker",
        alarm_metrics=14,
        runs=(
            Run(
                "an hourly run with 10 changed patches",
                {
                    "Lambda requests": 2,
                    "EventBridge Scheduler": 1,
                    # Each of the 11 items takes 2 units at least, because it is in a transaction.
                    "DynamoDB writes": 11 * 2,
                    "X-Ray": 2,
                },
            ),
        ),
    ),
)


@dataclass(frozen=True)
class Function:
    """Memory, storage and timeout of a function, which decide what a second costs.

    Attributes
    ----------
    name
        Its name in lambda/functions.json.
    memory_gb, storage_gb
        Memory, and ephemeral storage that is charged for.
    timeout_seconds
        The most that one attempt can take.
    """

    name: str
    memory_gb: float
    storage_gb: float
    timeout_seconds: int

    def dollars(self, architecture: str, seconds: float) -> float:
        """Return the cost of running for some seconds."""
        memory = self.memory_gb * PRICES[f"Lambda {architecture}"].dollars
        storage = self.storage_gb * PRICES["Lambda ephemeral storage"].dollars
        return seconds * (memory + storage)


def functions(root: Path) -> list[Function]:
    """Return the functions of all pipelines, from lambda/functions.json below a folder."""
    settings = json.loads((root / "lambda/functions.json").read_text(encoding="utf-8"))
    return [
        Function(
            name,
            own["memory_mb"] / 1024,
            max(0, own["ephemeral_storage_mb"] - FREE_STORAGE_MB) / 1024,
            own["timeout_seconds"],
        )
        for pipeline in PIPELINES
        for name, own in settings[pipeline.key].items()
    ]


def tables(root: Path) -> str:
    """Return the generated part of the page."""
    lines = [
        "## Fixed costs of a month",
        "",
        "| pipeline | metrics in alarms | dashboards | keys | $ |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {pipeline.title} | {pipeline.alarm_metrics} | 1 | 1 | {pipeline.fixed:.2f} |"
        for pipeline in PIPELINES
    ]
    lines += [
        "",
        "## Requests of 1,000 runs",
        "",
        "| pipeline | counted run | requests of one run | $ for 1,000 |",
        "|---|---|---|---|",
    ]
    for pipeline in PIPELINES:
        for run in pipeline.runs:
            counts = ", ".join(f"{count} × {name}" for name, count in run.counts.items())
            lines.append(
                f"| {pipeline.title} | {run.title} | {counts} | {1000 * run.dollars:.2f} |"
            )
    lines += [
        "",
        "## Compute time",
        "",
        "| function | memory, GB | $ for 1,000 s on x86_64 | on arm64 | $ per attempt, at most |",
        "|---|---|---|---|---|",
    ]
    for function in functions(root):
        x86, arm = (function.dollars(name, 1000) for name in ("x86_64", "arm64"))
        most = function.dollars("x86_64", function.timeout_seconds)
        lines.append(
            f"| `{function.name}` | {function.memory_gb:.2f} | {x86:.4f} | {arm:.4f} | {most:.4f} |"
        )
    lines += ["", "## Prices", "", "| price | $ | per | checked |", "|---|---|---|---|"]
    lines += [
        f"| [{name}](https://aws.amazon.com/{price.page}/pricing/) | "
        f"{f'{price.dollars:.10f}'.rstrip('0').rstrip('.')} | {price.unit} | "
        f"{price.checked or 'no'} |"
        for name, price in PRICES.items()
    ]
    return "\n".join([*lines, ""])


def written(page: str, generated: str) -> str:
    """Return the page with new tables and the text above them unchanged."""
    by_hand = page.split(MARK)[0].rstrip("\n")
    return f"{by_hand}\n\n{MARK}\n{generated}"


def main() -> int:
    """Write the page."""
    page = ROOT / "docs/costs.md"
    page.write_text(written(page.read_text(encoding="utf-8"), tables(ROOT)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
