"""Measure the patch tracker: requests, writes, mails per second, memory.

    bin/pants run benchmarks/patch_tracker_costs.py -- [--mbox FILE] [--megabytes N]

Requests and writes are counted with local stand-ins for both servers and a local DynamoDB, so they
are the same on every machine. Without `--mbox`, the mails are generated: 20 series of 3 patches,
with replies.
"""

from __future__ import annotations

import argparse
import datetime as dt
import email
import gzip
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from multiprocessing import get_context
from pathlib import Path

from lambda_core import aws
from local_cloud.server import moto_server
from patch_tracker.mail.mbox import RawMail, mails_of_bytes, mails_of_gzip
from patch_tracker.mail.message import Mail, parse_mail
from patch_tracker.models import MailKind
from patch_tracker.service import Tracker, TrackerSettings
from run_local.dynamodb_tables import create_tables, read_definitions
from run_local.patch_tracker.lore_server import LoreServer, mbox
from run_local.patch_tracker.patchwork_server import PatchworkServer

PROJECT = "benchmark"

SERIES, PATCHES = 20, 3


def generated_mails(now: dt.datetime) -> Iterator[Mail]:
    """Yield the mails of a small mailing list for a week."""
    for series in range(SERIES):
        cover = f"s{series}-0@x"
        for number in range(PATCHES + 1):
            yield _mail(
                f"s{series}-{number}@x",
                f"[PATCH {number}/{PATCHES}] part {series}: step {number}",
                now - dt.timedelta(hours=8 * series, minutes=-number),
                parents=[cover] if number else [],
                diff=number > 0,
            )
            if number:
                yield _mail(
                    f"r{series}-{number}@x",
                    f"Re: [PATCH {number}/{PATCHES}] part {series}: step {number}",
                    now - dt.timedelta(hours=8 * series - 1),
                    parents=[f"s{series}-{number}@x", cover],
                )


def _mail(
    message_id: str, subject: str, time: dt.datetime, *, parents: list[str], diff: bool = False
) -> Mail:
    lines = [
        f"Received: by lists.example; {format_datetime(time)}",
        "From: Anna <anna@example.org>",
        f"Subject: {subject}",
        f"Date: {format_datetime(time)}",
        f"Message-ID: <{message_id}>",
    ]
    if parents:
        lines.append(f"References: {' '.join(f'<{parent}>' for parent in reversed(parents))}")
    body = (
        "diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-x\n+y\n" if diff else "Good."
    )
    return parse_mail("\n".join([*lines, "", body, ""]).encode())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the patch tracker.")
    parser.add_argument("--mbox", type=Path, help="real mails instead of generated mails")
    parser.add_argument("--megabytes", type=int, default=100, help="size of the large mbox")
    args = parser.parse_args()
    now = dt.datetime.now(dt.UTC)
    if args.mbox:
        mails = [parse_mail(raw) for raw in mails_of_bytes(args.mbox.read_bytes())]
    else:
        mails = list(generated_mails(now))
    sync(mails)
    parsing(mails)
    memory(mails, args.megabytes)


def sync(mails: list[Mail]) -> None:
    """Count the requests and writes of syncs."""
    with (
        moto_server() as endpoint,
        PatchworkServer(PROJECT, mails) as patchwork,
        LoreServer(PROJECT, mails) as lore,
    ):
        os.environ |= {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        names = {"patches": "patches", "discussions": "discussions"}
        definitions = read_definitions(tables_file())
        create_tables(aws.client("dynamodb"), definitions, names)
        tracker = Tracker(
            TrackerSettings(
                patches_table="patches",
                discussions_table="discussions",
                contact="benchmark",
                patchwork_url=patchwork.url,
                patchwork_project=PROJECT,
                lore_url=lore.url,
                lore_list=PROJECT,
                request_spacing_seconds=0,
                first_days=7,
            )
        )

        def requests() -> int:
            return len(patchwork.requests) + len(lore.requests)

        def measure(title: str, *runs: Callable[[], object]) -> None:
            requested, written = requests(), tracker.writes
            started = time.monotonic()
            for run in runs:
                run()
            print(
                f"{title:<44} {requests() - requested:>5} requests "
                f"{tracker.writes - written:>6} writes {time.monotonic() - started:>7.1f} s"
            )

        # Every mail is newer than this.
        days = (dt.datetime.now(dt.UTC) - min(mail.timestamp for mail in mails)).days + 2

        patches = sum(1 for mail in mails if mail.kind is MailKind.PATCH)
        print(f"{len(mails)} mails, {patches} patches")
        discussions = tracker.discussion_sync
        measure("first sync of patches", tracker.patch_sync.changes)
        measure(f"the mailing list in weeks, {days} days", lambda: discussions.refresh(days))
        measure("first sync with a cursor", discussions.recent)
        measure("hourly sync, nothing new", tracker.patch_sync.changes, discussions.recent)
        changed = [mail.message_id for mail in mails if mail.kind is MailKind.PATCH][:10]
        for message_id in changed:
            patchwork.set_state(message_id, "accepted")
        measure(
            f"hourly sync, {len(changed)} patches changed",
            tracker.patch_sync.changes,
            discussions.recent,
        )
        measure("a week of the mailing list", lambda: discussions.refresh(7))


def parsing(mails: list[Mail]) -> None:
    """Measure the parsing of mails, compared with Python's own parser.

    Python's parser only splits headers and parts, which is the minimum. The tracker also decodes
    the texts and finds trailers, paths and reviews in them.
    """
    contents = [mail.raw for mail in mails]
    ours = _per_second(lambda content: parse_mail(RawMail(content)), contents)
    minimum = _per_second(email.message_from_bytes, contents)
    print(f"{'mails parsed per second':<44} {ours:>8,.0f}")
    print(f"{'ratio to email.message_from_bytes':<44} {ours / minimum:>8.2f}")


def _per_second(parse: Callable[[bytes], object], contents: list[bytes]) -> float:
    rounds = max(1, 2_000 // len(contents))
    started = time.process_time()
    for _ in range(rounds):
        for content in contents:
            parse(content)
    return rounds * len(contents) / (time.process_time() - started)


def memory(mails: list[Mail], megabytes: int) -> None:
    """Measure how much the peak memory grows when a large gzipped mbox is read mail by mail.

    This runs in a new process, because the peak of this process may already be higher.
    """
    block = gzip.decompress(mbox(mails))
    with tempfile.NamedTemporaryFile() as content:
        with gzip.GzipFile(fileobj=content, mode="wb", compresslevel=1) as stream:
            for _ in range(megabytes * 1_000_000 // len(block) + 1):
                stream.write(block)
        content.flush()
        with get_context("spawn").Pool(1) as pool:
            read, before, peak = pool.apply(_peak_of_reading, (content.name,))
    title = f"memory for an mbox of {megabytes} MB, {read:,} mails"
    largest = max(len(mail.raw) for mail in mails) / 1e6
    print(
        f"{title:<44} {(peak - before) / 1e3:>8.1f} MB more than {before / 1e3:.0f} MB; "
        f"the largest mail has {largest:.2f} MB"
    )


def _peak_of_reading(path: str) -> tuple[int, int, int]:
    """Return the number of mails, and the peak memory in kB before and after reading them."""
    # Linux: resets the peak to the current use. The peak of `resource` includes the parent.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _peak()
    read = 0
    with Path(path).open("rb") as content:
        for raw in mails_of_gzip(content):
            parse_mail(raw)
            read += 1
    return read, before, _peak()


def _peak() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def tables_file() -> Path:
    """Return the path of the table definitions."""
    name = Path("terraform/stacks/patch_tracker/tables.json")
    folders = Path(__file__).resolve().parents
    return next(folder / name for folder in folders if (folder / name).is_file())


if __name__ == "__main__":
    main()
