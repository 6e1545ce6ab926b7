"""Compares the time of a fetch with the minimum that SSM's quota allows.

A small local SSM server, in its own process, serves the parameter tree that moto contains, with a
latency of 40 ms per call. For each region, it accepts 40 calls within any second and rejects all
others with ThrottlingException. The whole catalog is read from it as in production, at the full
rate, with one region and with five. Prints the medians of the runs for each number of regions: the
seconds, the minimum `accepted calls / (rate × regions)`, their ratio, and the share of rejected
calls. Fails if the ratio or the share exceeds its limit. The machine should be idle.

With `--others N`, other users of the account take N calls per second of the first region's quota.
The fetch does not know this, but the minimum includes it.

    bin/pants run benchmarks/ssm_fetch.py -- [--runs N] [--others N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import statistics
import time
import urllib.request
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from aws_ssm_fetcher.core.config import Config
from aws_ssm_fetcher.data_fetcher import AWSSSMDataFetcher, Source
from lambda_testing.moto_tree import moto_tree

ROOT = "/aws/service/global-infrastructure"
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-northeast-1")
RATE = 40
LATENCY_SECONDS = 0.040
PAGE_SIZE = 10

MAX_RATIO = 1.15
MAX_REFUSED = 0.02


class Throttled(Exception):  # noqa: N818 - named after the response that it becomes
    """A region's quota is used up."""


class LocalSsm:
    """The responses of SSM in all regions, and the quota of each region.

    Parameters
    ----------
    others
        Calls per second of the first region's quota that other users take.

    Attributes
    ----------
    outcomes
        Number of calls so far: `answered` and `refused`.
    """

    def __init__(self, others: int) -> None:
        tree = moto_tree()
        self._values: dict[str, str] = {}
        self._below: dict[str, list[str]] = defaultdict(list)
        self._add(f"{ROOT}/regions", tree.regions)
        self._add(f"{ROOT}/services", tree.services)
        self._quota = {region: quota(region, others) for region in REGIONS}
        self._taken: dict[str, deque[float]] = defaultdict(deque)
        self.outcomes: Counter[str] = Counter(answered=0, refused=0)

    def _add(self, path: str, node: Mapping[str, Any]) -> None:
        for name, child in node.items():
            if name == "Value":
                continue
            full_name = f"{path}/{name}"
            if "Value" in child:
                self._values[full_name] = child["Value"]
                self._below[path].append(full_name)
            self._add(full_name, child)

    def answer(self, region: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one call.

        Raises
        ------
        Throttled
            If the region's quota of the last second is used up.
        """
        now = time.monotonic()
        taken = self._taken[region]
        while taken and taken[0] <= now - 1.0:
            taken.popleft()
        if len(taken) >= self._quota[region]:
            self.outcomes["refused"] += 1
            raise Throttled
        taken.append(now)
        self.outcomes["answered"] += 1
        if operation == "GetParameters":
            known = [name for name in request["Names"] if name in self._values]
            return {
                "Parameters": [self._parameter(region, name) for name in known],
                "InvalidParameters": [name for name in request["Names"] if name not in known],
            }
        return self._page(region, request["Path"], request.get("NextToken"))

    def _page(self, region: str, path: str, token: str | None) -> dict[str, Any]:
        """Return a page; its token is valid only in the region that it names."""
        start = 0
        if token is not None:
            issuer, _, number = token.partition(":")
            if issuer != region:
                raise ValueError(f"{region} received a token of {issuer}")
            start = int(number)
        names = self._below[path]
        end = start + PAGE_SIZE
        page = {"Parameters": [self._parameter(region, name) for name in names[start:end]]}
        return {**page, "NextToken": f"{region}:{end}"} if end < len(names) else page

    def _parameter(self, region: str, name: str) -> dict[str, Any]:
        return {
            "Name": name,
            "Type": "String",
            "Value": self._values[name],
            "Version": 1,
            "LastModifiedDate": 1_700_000_000.0,
            "ARN": f"arn:aws:ssm:{region}::parameter{name}",
            "DataType": "text",
        }


class Connected(asyncio.Protocol):
    """A persistent HTTP/1.1 connection; responses are sent in order, after the latency."""

    def __init__(self, ssm: LocalSsm) -> None:
        self._ssm = ssm
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for the responses."""
        if not isinstance(transport, asyncio.WriteTransport):
            raise TypeError("a TCP connection must be writable")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            text = head.decode("latin-1")
            length = int(_found(r"\r\ncontent-length: *(\d+)", text) or 0)
            if len(rest) < length:
                return
            self._received = rest[length:]
            self._answer(text, rest[:length])

    def _answer(self, head: str, body: bytes) -> None:
        if head.startswith("GET "):
            self._write(200, self._ssm.outcomes)
            return
        # Only the region in AWS's signature shows which region the client called.
        region = _found(r"credential=[^/]+/\d+/([^/]+)/ssm/", head)
        operation = _found(r"\r\nx-amz-target: *AmazonSSM\.(\w+)", head)
        try:
            status, answer = 200, self._ssm.answer(region, operation, json.loads(body))
        except Throttled:
            status = 400
            answer = {"__type": "ThrottlingException", "message": "Rate exceeded"}
        loop = asyncio.get_running_loop()
        loop.call_later(LATENCY_SECONDS, self._write, status, answer)

    def _write(self, status: int, answer: Mapping[str, Any]) -> None:
        body = json.dumps(answer).encode()
        head = (
            f"HTTP/1.1 {status} -\r\nContent-Type: application/x-amz-json-1.1\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(head.encode("ascii") + body)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.IGNORECASE)
    return match[1] if match else ""


def quota(region: str, others: int) -> int:
    """Return the calls per second that a region accepts."""
    return RATE - others if region == REGIONS[0] else RATE


def serve(connection: Connection, others: int) -> None:
    """Run the server process: send the port, then serve until the process is killed."""

    async def run() -> None:
        ssm = LocalSsm(others)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connected(ssm), "127.0.0.1", 0)
        connection.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def local_ssm(others: int) -> Iterator[str]:
    """Run the server, and yield its URL."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=serve, args=(theirs, others), daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


@dataclass(frozen=True)
class Run:
    """The time and calls of one fetch."""

    seconds: float
    minimum: float
    answered: int
    refused: int

    @property
    def ratio(self) -> float:
        """The time relative to the minimum."""
        return self.seconds / self.minimum

    @property
    def refused_share(self) -> float:
        """The share of rejected calls."""
        return self.refused / (self.answered + self.refused)


def fetch(endpoint: str, regions: tuple[str, ...], others: int) -> Run:
    """Read the whole catalog once, with the settings of production except for the cache."""
    time.sleep(1.0)  # until the previous run's calls no longer count
    before = outcomes(endpoint)
    fetcher = AWSSSMDataFetcher(
        Config(cache_enabled=False, ssm_regions=regions), max_tps=RATE, source=Source("benchmark")
    )
    started = time.monotonic()
    catalog = fetcher.fetch_catalog()
    seconds = time.monotonic() - started
    if catalog.pair_count != len(moto_tree().region_pairs()):
        raise SystemExit(f"{catalog.pair_count} pairs were read, but the tree has another number")
    after = outcomes(endpoint)
    answered = after["answered"] - before["answered"]
    return Run(
        seconds=seconds,
        minimum=answered / sum(quota(region, others) for region in regions),
        answered=answered,
        refused=after["refused"] - before["refused"],
    )


def outcomes(endpoint: str) -> dict[str, int]:
    """Return the server's counts."""
    with urllib.request.urlopen(f"{endpoint}/") as response:  # noqa: S310 - our own server
        counted: dict[str, int] = json.load(response)
    return counted


def main() -> None:
    """Measure one region and five, print the medians, and fail if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--runs", type=int, default=1, help="runs with one region; three times as many with five"
    )
    parser.add_argument(
        "--others", type=int, default=0, choices=range(RATE), metavar=f"0…{RATE - 1}"
    )
    args = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

    passed = True
    print(f"{'regions':>7}{'runs':>6}{'calls':>7}{'wall s':>8}{'min. s':>9}{'ratio':>7}  refused")
    with local_ssm(args.others) as endpoint:
        os.environ["AWS_ENDPOINT_URL"] = endpoint
        for regions, count in ((REGIONS[:1], args.runs), (REGIONS, 3 * args.runs)):
            runs = [fetch(endpoint, regions, args.others) for _ in range(count)]
            ratio = statistics.median(run.ratio for run in runs)
            refused = statistics.median(run.refused_share for run in runs)
            minimum = statistics.median(run.minimum for run in runs)
            passed = passed and ratio <= MAX_RATIO and refused <= MAX_REFUSED
            print(
                f"{len(regions):>7}{count:>6}{runs[0].answered:>7}"
                f"{statistics.median(run.seconds for run in runs):>8.2f}"
                f"{minimum:>9.2f}{ratio:>7.3f}{refused:>9.2%}",
                flush=True,
            )
    print(f"limits: ratio {MAX_RATIO}, refused {MAX_REFUSED:.0%}; load {os.getloadavg()[0]:.1f}")
    if not passed and not args.others:
        raise SystemExit("a limit was exceeded")


if __name__ == "__main__":
    main()
