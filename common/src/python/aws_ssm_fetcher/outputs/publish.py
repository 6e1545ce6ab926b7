"""Publication: a folder holds one whole set of reports, the old one or the new one.

A run writes into a staging folder inside the output folder, so that a file is moved by a rename
and never seen half-written. Publishing moves the reports, then removes reports that the old
`summary.json` names and that were not asked for this time (they would look like part of this set),
and moves `summary.json` last. A run that fails or is interrupted leaves the old set as it was.

A run that is killed cannot. So publishing copies what it will touch first, and notes in a journal
what was not there; the next run into the folder puts all of that back, unless `summary.json` was
moved, with which the new set is whole. Until then the digests in `summary.json` tell which files
belong to it. Each run holds a lock on its staging folder, which the operating system releases with
the process, so a living run's is left alone.

What other programs put into the folder stays: a `summary.json` that is none of ours is an error.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import BaseModel, ValidationError

from aws_ssm_fetcher.outputs.files import REPORT_FILES, SUMMARY_FILE
from aws_ssm_fetcher.outputs.summary import Summary, write_summary
from command_line.output_folder import STAGING_SUFFIX, writing_into
from lambda_core.errors import ReportError

STAGING_PREFIX = ".region-report-"

_PREVIOUS = "previous"
_JOURNAL = "journal.txt"

_ALL_FILES = frozenset(name for files in REPORT_FILES.values() for name in files.values())


@contextmanager
def staging_folder(output_dir: Path) -> Iterator[Path]:
    """Make a staging folder inside the output folder and remove it at the end, come what may.

    Makes the output folder where it is missing, undoes what killed runs left half done in it, and
    removes their staging folders.

    Raises
    ------
    ReportError
        Where the output folder cannot be made or written to, or holds a `summary.json` that is
        none of ours.
    """
    with writing_into(output_dir):
        output_dir.mkdir(parents=True, exist_ok=True)
        with _locked(output_dir):
            _clear_up(output_dir)
            _published_files(output_dir)
        staging, lock = _locked_staging_folder(output_dir)
    try:
        yield staging
    finally:
        # What could not be undone is left to the next run.
        if not _is_half_done(staging):
            shutil.rmtree(staging, ignore_errors=True)
        os.close(lock)


def publish(staging: Path, output_dir: Path, summary: Summary) -> None:
    """Move a set of reports from its staging folder to where readers look for it.

    Runs that publish into the same folder at the same time wait for each other, so that their
    sets do not mix. Where anything fails in the middle, even by an interruption, what was there
    before is put back.

    Parameters
    ----------
    summary
        Names the files that make the set; it is written and moved last.

    Raises
    ------
    ReportError
        Where a file cannot be moved, or another program's `summary.json` is in the way; the old
        set is in place then.
    """
    with writing_into(output_dir):
        write_summary(summary, staging)
        reports = sorted(report.file for report in summary.reports_generated.values())
        for name in (*reports, SUMMARY_FILE):
            _flush(staging / name)
        with _locked(output_dir):
            # A run that was killed since this one began: its half set must not become the old one.
            _clear_up(output_dir)
            _replace(staging, output_dir, reports)


class _PublishedFile(BaseModel):
    file: str
    sha256: str


class _PublishedSummary(BaseModel):
    """What the summaries of all versions of this program have."""

    execution_id: str
    reports_generated: dict[str, _PublishedFile]


def _published_files(output_dir: Path) -> frozenset[str]:
    """Return the names of the reports that are published in the folder."""
    try:
        text = (output_dir / SUMMARY_FILE).read_bytes()
    except FileNotFoundError:
        return frozenset()
    try:
        summary = _PublishedSummary.model_validate_json(text)
    except ValidationError as error:
        raise ReportError(
            f"cannot write the reports into {output_dir}: the {SUMMARY_FILE} there is another "
            "program's; move it away or choose another output folder",
            output_dir=str(output_dir),
            file=SUMMARY_FILE,
        ) from error
    return _ALL_FILES.intersection(one.file for one in summary.reports_generated.values())


def _replace(staging: Path, output_dir: Path, reports: list[str]) -> None:
    stale = sorted(_published_files(output_dir).difference(reports))
    previous = staging / _PREVIOUS
    previous.mkdir()
    missing = []
    for name in (*reports, *stale, SUMMARY_FILE):
        if os.path.lexists(output_dir / name):
            shutil.copy2(output_dir / name, previous / name, follow_symlinks=False)
        else:
            missing.append(name)
    try:
        # From when the journal has its name on, a killed run is undone.
        (staging / "journal").write_text("\n".join(missing), encoding="utf-8")
        (staging / "journal").replace(staging / _JOURNAL)
        for name in reports:
            (staging / name).replace(output_dir / name)
        for name in stale:
            (output_dir / name).unlink(missing_ok=True)
        (staging / SUMMARY_FILE).replace(output_dir / SUMMARY_FILE)
    except BaseException:
        _undo_if_half_done(staging, output_dir)
        raise


def _is_half_done(staging: Path) -> bool:
    return (staging / _JOURNAL).exists() and (staging / SUMMARY_FILE).exists()


def _undo_if_half_done(staging: Path, output_dir: Path) -> None:
    """Put back what a run has touched; if that is killed too, it can be done again."""
    if not _is_half_done(staging):
        return
    missing = (staging / _JOURNAL).read_text(encoding="utf-8").splitlines()
    for name in (*sorted(_ALL_FILES), SUMMARY_FILE):
        if os.path.lexists(staging / _PREVIOUS / name):
            (staging / _PREVIOUS / name).replace(output_dir / name)
        elif name in missing and not (staging / name).exists():
            (output_dir / name).unlink(missing_ok=True)
    (staging / _JOURNAL).unlink()


@contextmanager
def _locked(output_dir: Path) -> Iterator[None]:
    """Keep other runs from publishing into the folder."""
    lock = os.open(output_dir, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _flush(path: Path) -> None:
    """Have the file's content on the disk before its name points to it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _locked_staging_folder(output_dir: Path) -> tuple[Path, int]:
    while True:
        staging = Path(tempfile.mkdtemp(STAGING_SUFFIX, STAGING_PREFIX, output_dir))
        # Until it is locked, another run may take it for abandoned, and remove it.
        try:
            lock = os.open(staging, os.O_RDONLY)
        except FileNotFoundError:
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if staging.exists():
            return staging, lock
        os.close(lock)


def _clear_up(output_dir: Path) -> None:
    """Undo and remove what killed runs left; the folder must be locked."""
    for staging in output_dir.glob(f"{STAGING_PREFIX}*{STAGING_SUFFIX}"):
        try:
            lock = os.open(staging, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # It is gone, or it is none of ours.
        try:
            # Where that blocks, its run is alive.
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _undo_if_half_done(staging, output_dir)
                shutil.rmtree(staging, ignore_errors=True)
        finally:
            os.close(lock)
