"""Measure how close a fetch comes to the minimum time that SSM's quota allows.

A small SSM server on loopback, in a separate process, answers from moto's copy of the parameter
tree, each call after 40 ms. For each region it accepts 40 calls in any second, and rejects all
others with ThrottlingException. The benchmark reads the whole catalog as in production, at the full
rate, with one region and with five. For each number of regions, it prints the medians of the
seconds, the minimum `answered calls / (rate × regions)`, their ratio, and the share of rejected
calls. It fails if the ratio or the share exceeds its limit. The machine should be idle.

With `--others N`, other clients of the account use N calls a second of the first region's quota.
The fetch does not know this, but the minimum takes it into account.

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
MAX_REJECTED = 0.02


class Throttled(Exception):  # noqa: N818 - named like the response
    """The quota of a region is used up."""


class LocalSsm:
    """Answers the calls of all regions, each within its quota.

    Parameters
    ----------
    others
        Calls a second of the first region's quota that other clients use.

    Attributes
    ----------
    outcomes
        Number of calls so far: `answered` and `rejected`.
    """

    def __init__(self, others: int) -> None:
        tree = moto_tree()
        self._values: dict[str, str] = {}
        self._below: dict[str, list[str]] = defaultdict(list)
        self._add(f"{ROOT}/regions", tree.regions)
        self._add(f"{ROOT}/services", tree.services)
        self._quota = {region: quota(region, others) for region in REGIONS}
        self._taken: dict[str, deque[float]] = defaultdict(deque)
        self.outcomes: Counter[str] = Counter(answered=0, rejected=0)

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
            If the region has answered as many calls in the last second as its quota allows.
        """
        now = time.monotonic()
        taken = self._taken[region]
        while taken and taken[0] <= now - 1.0:
            taken.popleft()
        if len(taken) >= self._quota[region]:
            self.outcomes["rejected"] += 1
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
        """Return a page; its token names the only region in which it is valid."""
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
    """A persistent HTTP/1.1 connection; responses follow in order after the latency."""

    def __init__(self, ssm: LocalSsm) -> None:
        self._ssm = ssm
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport for the responses."""
        if not isinstance(transport, asyncio.WriteTransport):
            raise TypeError("the transport of a TCP connection must be writable")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
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
        # The signature names the region; nothing else in the request does.
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
    """Return the number of calls per second that a region answers."""
    return RATE - others if region == REGIONS[0] else RATE


def serve(connection: Connection, others: int) -> None:
    """Send the port, then serve until the process is killed."""

    async def run() -> None:
        ssm = LocalSsm(others)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connected(ssm), "127.0.0.1", 0)
        connection.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def local_ssm(others: int) -> Iterator[str]:
    """Run the server and yield its URL."""
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
    """The result of a fetch."""

    seconds: float
    minimum: float
    answered: int
    rejected: int

    @property
    def ratio(self) -> float:
        """Seconds, relative to the minimum."""
        return self.seconds / self.minimum

    @property
    def rejected_share(self) -> float:
        """Share of rejected calls in all calls."""
        return self.rejected / (self.answered + self.rejected)


def fetch(endpoint: str, regions: tuple[str, ...], others: int) -> Run:
    """Read the whole catalog once, with production settings but without the cache."""
    time.sleep(1.0)  # until the calls of the previous run no longer count
    before = outcomes(endpoint)
    fetcher = AWSSSMDataFetcher(
        Config(cache_enabled=False, ssm_regions=regions), max_tps=RATE, source=Source("benchmark")
    )
    started = time.monotonic()
    catalog = fetcher.fetch_catalog()
    seconds = time.monotonic() - started
    if catalog.pair_count != len(moto_tree().region_pairs()):
        raise SystemExit(f"read {catalog.pair_count} pairs, which is not the number in the tree")
    after = outcomes(endpoint)
    answered = after["answered"] - before["answered"]
    return Run(
        seconds=seconds,
        minimum=answered / sum(quota(region, others) for region in regions),
        answered=answered,
        rejected=after["rejected"] - before["rejected"],
    )


def outcomes(endpoint: str) -> dict[str, int]:
    """Return the numbers of calls that the server counted."""
    with urllib.request.urlopen(f"{endpoint}/") as answer:  # noqa: S310 - our own server
        counted: dict[str, int] = json.load(answer)
    return counted


def main() -> None:
    """Measure both, print the medians, and fail if a limit is exceeded."""
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
    print(f"{'regions':>7}{'runs':>6}{'calls':>7}{'wall s':>8}{'min. s':>9}{'ratio':>7}  rejected")
    with local_ssm(args.others) as endpoint:
        os.environ["AWS_ENDPOINT_URL"] = endpoint
        for regions, count in ((REGIONS[:1], args.runs), (REGIONS, 3 * args.runs)):
            runs = [fetch(endpoint, regions, args.others) for _ in range(count)]
            ratio = statistics.median(run.ratio for run in runs)
            rejected = statistics.median(run.rejected_share for run in runs)
            passed = passed and ratio <= MAX_RATIO and rejected <= MAX_REJECTED
            print(
                f"{len(regions):>7}{count:>6}{runs[0].answered:>7}"
                f"{statistics.median(run.seconds for run in runs):>8.2f}"
                f"{statistics.median(run.minimum for run in runs):>9.2f}"
                f"{ratio:>7.3f}{rejected:>10.2%}",
                flush=True,
            )
    print(f"limits: ratio {MAX_RATIO}, rejected {MAX_REJECTED:.0%}; load {os.getloadavg()[0]:.1f}")
    if not passed and not args.others:
        raise SystemExit("a limit was exceeded")


if __name__ == "__main__":
    main()
