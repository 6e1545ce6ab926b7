"""Measure CPU time, S3 calls and memory of the event log checkpoint.

A moto server in its own process counts the S3 calls. Each run of the function is a new process. Its
CPU seconds exclude the start of the process; its peak memory includes it.

- For each number of files: the first run, a run with 100 new files, and a run with nothing new.
- For each number of rows: a run with 100 new files on a checkpoint with that many rows, spread over
  its whole time range. The objects of these rows are not in the bucket, so this measures the
  checkpoint alone, as if only the files of the last days were listed.

Fails if a figure exceeds its limit. Run it on an idle machine.

    bin/pants run benchmarks/event_checkpoint.py -- [--files N …] [--rows N …]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_core import aws

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FILES = (1_000, 10_000, 25_000)
ROWS = (1_000_000,)
NEW = 100

MAX_MS_A_FILE = 0.6
MAX_NOTHING_NEW_SECONDS = 2.0
MAX_MERGE_SECONDS = 1.5
MAX_MERGE_MB = 300

SOURCE, TARGET, KEY, PREFIX = "events", "checkpoints", "c/events.parquet", "logs/"

BEGINNING = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
SECONDS = 4 * 365 * 86_400

CENTERS = 40

type App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class CountingApp:
    """Counts S3 calls by operation. `/counts` returns the counts and resets them."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._counts: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Count a request and pass it to moto."""
        if environ["PATH_INFO"] == "/counts":
            start("200 OK", [("Content-Type", "application/json")])
            body = json.dumps(self._counts).encode()
            self._counts.clear()
            return [body]
        self._counts[operation(environ["REQUEST_METHOD"], environ)] += 1
        return self._app(environ, start)


def operation(method: str, environ: dict[str, Any]) -> str:
    """Return the name of an S3 operation."""
    query, path = environ.get("QUERY_STRING", ""), environ["PATH_INFO"].strip("/")
    if method == "GET" and "list-type" in query:
        return "ListObjectsV2"
    if method == "GET" and "versioning" in query:
        return "GetBucketVersioning"
    if method == "GET" and path.startswith(SOURCE):
        return "GetObject (event)"
    return {"GET": "GetObject (state)", "PUT": "PutObject"}.get(method, method)


def serve(connection: Connection) -> None:
    """Run a moto server until the process is killed."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_request(self, *_: object) -> None:
            return

    app = CountingApp(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    connection.send(server.port)
    server.serve_forever()


@contextmanager
def counting_moto() -> Iterator[str]:
    """Run the moto server; yields its URL."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def counts(url: str) -> dict[str, int]:
    """Return the number of calls since the previous request."""
    with urllib.request.urlopen(f"{url}/counts") as answer:  # noqa: S310 - our own server
        numbers: dict[str, int] = json.load(answer)
    return numbers


def event(seed: int) -> tuple[str, bytes]:
    """Return the name and content of an event file, which depend only on the seed."""
    chance = random.Random(seed)  # noqa: S311 - not used for security
    moment = BEGINNING + dt.timedelta(seconds=chance.randrange(SECONDS))
    adcid = chance.randrange(1, CENTERS + 1)
    content = {
        "action": chance.choice(["submit", "pass-qc", "not-pass-qc"]),
        "study": "adrc",
        "pipeline_adcid": adcid,
        "project_label": f"ingest-form-{adcid}",
        "center_label": f"center-{adcid}",
        "gear_name": "form-transformer",
        "ptid": f"{chance.randrange(10**6):06d}",
        "visit_date": (moment - dt.timedelta(days=chance.randrange(90))).date().isoformat(),
        "visit_number": f"{chance.randrange(1, 20):02d}",
        "datatype": "form",
        "module": chance.choice(["UDS", "FTLD", "LBD"]),
        "packet": chance.choice(["I", "F", "T"]),
        "timestamp": moment.isoformat(),
    }
    name = (
        f"log-{content['action']}-{moment:%Y%m%d-%H%M%S}-{adcid}-{content['project_label']}"
        f"-{content['ptid']}-{content['visit_number']}{seed}.json"
    )
    return name, json.dumps(content).encode()


def upload(url: str, seeds: Iterable[int]) -> None:
    """Upload event files."""
    import obstore
    from obstore.store import S3Store

    store = S3Store(SOURCE, endpoint=url, client_options={"allow_http": True})

    def put(seed: int) -> None:
        name, content = event(seed)
        obstore.put(store, PREFIX + name, content)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(put, seeds))


def rows(count: int, path: Path) -> None:
    """Write a checkpoint with this many rows, as the function writes it."""
    import hashlib

    import polars as pl

    from event_log.checkpoint_file import ROW_GROUP, merge
    from event_log.schema import SCHEMA

    file = None
    step = 20 * ROW_GROUP
    for start in range(0, count, step):
        number = pl.Series(range(start, min(count, start + step)))
        spread = number.cast(pl.Float64) / count * SECONDS
        noise = number.hash(7)
        adcid = (noise % CENTERS + 1).cast(pl.Int32)
        moment = pl.lit(BEGINNING).cast(pl.Datetime("us", "UTC")) + pl.duration(
            seconds=pl.lit(spread.cast(pl.Int64))
        )
        digests = [hashlib.sha256(str(value).encode()).digest() for value in number]
        actions = pl.Series(["submit", "pass-qc", "not-pass-qc"])
        modules, packets = pl.Series(["UDS", "FTLD", "LBD"]), pl.Series(["I", "F", "T"])
        label = pl.lit("ingest-form-") + adcid.cast(pl.String)
        ptid = (noise % 10**6).cast(pl.String).str.zfill(6)
        visit = (noise % 19 + 1).cast(pl.String).str.zfill(2)
        frame = pl.select(
            action=actions[(noise % 3).cast(pl.UInt32)],
            study=pl.repeat("adrc", number.len()),
            pipeline_adcid=adcid,
            project_label=label,
            center_label=pl.lit("center-") + adcid.cast(pl.String),
            gear_name=pl.lit("form-transformer"),
            ptid=ptid,
            visit_date=(moment - pl.duration(days=pl.lit(noise % 90))).dt.strftime("%Y-%m-%d"),
            visit_number=visit,
            datatype=pl.lit("form"),
            module=modules[(noise % 3).cast(pl.UInt32)],
            packet=packets[(noise % 3).cast(pl.UInt32)],
            timestamp=moment,
            source_key=pl.format(
                "logs/log-{}-{}-{}-{}-{}-{}{}.json",
                actions[(noise % 3).cast(pl.UInt32)],
                moment.dt.strftime("%Y%m%d-%H%M%S"),
                adcid,
                label,
                ptid,
                visit,
                number,
            ),
            source_etag=pl.Series([digest[:16].hex() for digest in digests]),
            source_version_id=pl.lit(None, pl.String),
            source_last_modified=moment + pl.duration(hours=1),
            source_sha256=pl.Series(digests, dtype=pl.Binary),
        ).select(list(SCHEMA))
        added = merge(file, frame, path.with_name(f"{path.name}-{start}"))
        if file:
            file.path.unlink()
        file = added
    if file:
        file.path.rename(path)


def one_run() -> None:
    """Run the function once, in this process, and print its cost as JSON."""
    from checkpoint_lambda.lambda_function import lambda_handler

    before = time.process_time()
    answer = lambda_handler(
        {
            "source_bucket": SOURCE,
            "checkpoint_bucket": TARGET,
            "checkpoint_key": KEY,
            "prefix": PREFIX,
        },
        None,
    )
    cost = {
        "cpu_seconds": time.process_time() - before,
        "peak_mb": peak_mb(),
        "answer": answer,
    }
    print(json.dumps(cost))


def peak_mb() -> float:
    """Return the peak memory of this process in MB; `ru_maxrss` includes that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measure(url: str, name: str, new: int) -> dict[str, Any]:
    """Run the function in a new process and print its cost."""
    counts(url)
    command = [sys.executable, __file__, "--one-run"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603 - this file
    cost: dict[str, Any] = json.loads(done.stdout)
    cost["calls"] = counts(url)
    answer = cost["answer"]
    if answer["statusCode"] != 200 or answer["new_events_processed"] != new:
        raise SystemExit(f"{name}: {answer}")
    calls = ", ".join(f"{count:,} {call}" for call, count in sorted(cost["calls"].items()))
    print(f"{name:34} {cost['cpu_seconds']:7.2f} CPU s {cost['peak_mb']:6.0f} MB  {calls}")
    return cost


def files_benchmark(count: int) -> list[str]:
    """Measure three runs; returns the figures that exceed their limits."""
    with counting_moto() as url:
        prepare(url)
        upload(url, range(count))
        first = measure(url, f"{count:,} files, first", count)
        upload(url, range(count, count + NEW))
        measure(url, f"{count:,} files, {NEW} new", NEW)
        quiet = measure(url, f"{count:,} files, nothing new", 0)
    found = []
    milliseconds = first["cpu_seconds"] / count * 1000
    print(f"{'':34} {milliseconds:7.2f} CPU ms per file in the first run")
    # Startup dominates a small run.
    if count >= 10_000 and milliseconds > MAX_MS_A_FILE:
        found.append(f"{count:,} files, first: {milliseconds:.2f} ms per file")
    if quiet["cpu_seconds"] > MAX_NOTHING_NEW_SECONDS:
        found.append(f"{count:,} files, nothing new: {quiet['cpu_seconds']:.2f} s")
    if "GetObject (event)" in quiet["calls"]:
        found.append(f"{count:,} files, nothing new: events were read")
    return found


def rows_benchmark(count: int) -> list[str]:
    """Measure a run on a large checkpoint; returns the figures that exceed their limits."""
    with counting_moto() as url, tempfile.TemporaryDirectory() as folder:
        s3 = prepare(url)
        path = Path(folder, "events.parquet")
        rows(count, path)
        print(f"{count:,} rows: {path.stat().st_size / 1e6:,.0f} MB")
        with path.open("rb") as body:
            s3.put_object(Bucket=TARGET, Key=KEY, Body=body)
        path.unlink()
        upload(url, range(NEW))
        cost = measure(url, f"{count:,} rows, {NEW} new", NEW)
    found = []
    if count <= 1_000_000 and cost["cpu_seconds"] > MAX_MERGE_SECONDS:
        found.append(f"{count:,} rows: {cost['cpu_seconds']:.2f} s")
    if count <= 1_000_000 and cost["peak_mb"] > MAX_MERGE_MB:
        found.append(f"{count:,} rows: {cost['peak_mb']:.0f} MB")
    return found


def prepare(url: str) -> S3Client:
    """Create the buckets, and configure the clients of this process and its children."""
    os.environ |= {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    s3 = aws.client("s3", endpoint_url=url)
    for bucket in (SOURCE, TARGET):
        s3.create_bucket(Bucket=bucket)
    return s3


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="*", default=FILES)
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS)
    parser.add_argument("--one-run", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one_run:
        one_run()
        return
    found = [line for count in arguments.files for line in files_benchmark(count)]
    found += [line for count in arguments.rows for line in rows_benchmark(count)]
    if found:
        raise SystemExit("limits exceeded: " + "; ".join(found))


if __name__ == "__main__":
    main()
