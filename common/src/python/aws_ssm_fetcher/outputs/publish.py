"""Publish reports in the output folder, so that it contains either the old set or the new set.

A run writes into a staging folder inside the output folder. A file is then moved by a rename, so
readers never see a part of it. Publishing moves the reports, then removes reports that the old
`summary.json` names but this run did not create (they would look like part of the new set), and
moves `summary.json` last. A run that fails or is interrupted restores the old set.

A run that is killed cannot restore anything. Publishing therefore first copies the files that it
will change, and lists the files that do not exist yet in a journal. The next run restores the old
set from them, unless `summary.json` was moved, which completes the new set. Until then, the digests
in `summary.json` show which files belong to the set. Each run locks its staging folder. The
operating system releases the lock when the process ends, so the folder of a running process is not
touched.

Files of other programs are kept. A `summary.json` of another program is an error.
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
    """Create a staging folder inside the output folder, and remove it at the end of the block.

    Also creates the output folder if it does not exist, and restores the old set if a killed run
    left the folder half changed.

    Raises
    ------
    ReportError
        If the output folder cannot be created or is not writable, or contains the `summary.json`
        of another program.
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
        # If restoring failed, the next run tries again.
        if not _is_half_done(staging):
            shutil.rmtree(staging, ignore_errors=True)
        os.close(lock)


def publish(staging: Path, output_dir: Path, summary: Summary) -> None:
    """Move a set of reports from its staging folder to the output folder.

    Runs that publish into the same folder wait for each other, so their sets do not mix. If
    anything fails, or the run is interrupted, the old set is restored.

    Parameters
    ----------
    summary
        Names the files of the set; it is written and moved last.

    Raises
    ------
    ReportError
        If a file cannot be moved, or another program's `summary.json` is in the folder. The old set
        is then in place.
    """
    with writing_into(output_dir):
        write_summary(summary, staging)
        reports = sorted(report.file for report in summary.reports_generated.values())
        for name in (*reports, SUMMARY_FILE):
            _flush(staging / name)
        with _locked(output_dir):
            # If another run was killed since this run began, restore the old set first.
            _clear_up(output_dir)
            _replace(staging, output_dir, reports)


class _PublishedFile(BaseModel):
    file: str
    sha256: str


class _PublishedSummary(BaseModel):
    """The fields that the summaries of all versions of this program have."""

    execution_id: str
    reports_generated: dict[str, _PublishedFile]


def _published_files(output_dir: Path) -> frozenset[str]:
    """Return the names of the published reports in the folder."""
    try:
        text = (output_dir / SUMMARY_FILE).read_bytes()
    except FileNotFoundError:
        return frozenset()
    try:
        summary = _PublishedSummary.model_validate_json(text)
    except ValidationError as error:
        raise ReportError(
            f"cannot write the reports into {output_dir}: the {SUMMARY_FILE} there belongs to "
            "another program; move it away or choose another output folder",
            output_dir=str(output_dir),
            file=SUMMARY_FILE,
        ) from error
    return _ALL_FILES.intersection(report.file for report in summary.reports_generated.values())


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
        # Once the journal has its final name, the next run restores the old set.
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
    """Restore the old set. If that is interrupted too, it can be repeated."""
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
    """Prevent other runs from publishing into the folder."""
    lock = os.open(output_dir, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _flush(path: Path) -> None:
    """Write the file's content to disk, before a rename makes it visible."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _locked_staging_folder(output_dir: Path) -> tuple[Path, int]:
    while True:
        staging = Path(tempfile.mkdtemp(STAGING_SUFFIX, STAGING_PREFIX, output_dir))
        # Until it is locked, another run may consider it abandoned and remove it.
        try:
            lock = os.open(staging, os.O_RDONLY)
        except FileNotFoundError:
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if staging.exists():
            return staging, lock
        os.close(lock)


def _clear_up(output_dir: Path) -> None:
    """Restore the old set, remove the staging folders of killed runs; needs the folder's lock."""
    for staging in output_dir.glob(f"{STAGING_PREFIX}*{STAGING_SUFFIX}"):
        try:
            lock = os.open(staging, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # It was removed, or is not a staging folder of this program.
        try:
            # If this would block, the run is still active.
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _undo_if_half_done(staging, output_dir)
                shutil.rmtree(staging, ignore_errors=True)
        finally:
            os.close(lock)
