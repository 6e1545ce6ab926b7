"""Publication: a folder holds one whole set of reports, the old one or the new one.

A run writes into a staging folder inside the output folder, so that a file is moved by a rename
and never seen half-written. Publishing moves the reports, then removes reports of earlier runs in
formats that were not asked for this time (they would look like part of this set), and moves
`summary.json` last. A run that fails or is interrupted leaves the old set as it was.

Staging folders of runs that were killed are removed by the next run. Each run holds a lock on its
own, which the operating system releases with the process, so a living run's is left alone.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aws_ssm_fetcher.outputs.files import REPORT_FILES, SUMMARY_FILE
from aws_ssm_fetcher.outputs.summary import Summary, write_summary
from lambda_core.errors import ReportError

_PREFIX, _SUFFIX = ".region-report-", ".partial"
_PREVIOUS = "previous"

_ALL_FILES = frozenset(name for files in REPORT_FILES.values() for name in files.values())

_ADVICE = {
    errno.EACCES: "you may not write there; choose another output folder or change its permissions",
    errno.EPERM: "you may not write there; choose another output folder or change its permissions",
    errno.EROFS: "it is on a read-only file system; choose another output folder",
    errno.ENOSPC: "the disk is full; free some space or choose another output folder",
    errno.EDQUOT: "your disk quota is used up; free some space or choose another output folder",
    errno.EFBIG: "a file would be larger than is allowed; raise the limit on file sizes",
    errno.EEXIST: "a file of that name stands there; choose another output folder",
    errno.ENOTDIR: "a part of its path is a file; choose another output folder",
    errno.EISDIR: "a folder stands in the place of {name}; remove it or choose another one",
}


@contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Turn what the operating system says of a failed write into one line for the user.

    Raises
    ------
    ReportError
        For every `OSError` inside, naming the output folder and what to do.
    """
    try:
        yield
    except OSError as error:
        output_dir = folder.parent if _is_staging(folder) else folder
        name = Path(error.filename).name if error.filename else "a report"
        reason = _ADVICE.get(error.errno or 0, error.strerror or str(error))
        raise ReportError(
            f"cannot write the reports into {output_dir}: {reason.replace('{name}', name)}",
            output_dir=str(output_dir),
            file=error.filename,
            errno=error.errno,
        ) from error


@contextmanager
def staging_folder(output_dir: Path) -> Iterator[Path]:
    """Make a staging folder inside the output folder and remove it at the end, come what may.

    Makes the output folder where it is missing, and removes what killed runs left in it.

    Raises
    ------
    ReportError
        Where the output folder cannot be made or written to.
    """
    with writing_into(output_dir):
        output_dir.mkdir(parents=True, exist_ok=True)
        for abandoned in output_dir.glob(f"{_PREFIX}*{_SUFFIX}"):
            _remove_if_abandoned(abandoned)
        staging, lock = _locked_staging_folder(output_dir)
    try:
        yield staging
    finally:
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
        Where a file cannot be moved; the old set is in place then.
    """
    with writing_into(output_dir):
        write_summary(summary, staging)
        reports = sorted(report.file for report in summary.reports_generated.values())
        for name in (*reports, SUMMARY_FILE):
            _flush(staging / name)
        lock = os.open(output_dir, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _replace(staging, output_dir, reports)
        finally:
            os.close(lock)


def _replace(staging: Path, output_dir: Path, reports: list[str]) -> None:
    stale = sorted(_ALL_FILES.difference(reports))
    affected = (*reports, *stale, SUMMARY_FILE)
    previous = staging / _PREVIOUS
    previous.mkdir()
    for name in affected:
        if os.path.lexists(output_dir / name):
            shutil.copy2(output_dir / name, previous / name, follow_symlinks=False)
    try:
        for name in reports:
            (staging / name).replace(output_dir / name)
        for name in stale:
            (output_dir / name).unlink(missing_ok=True)
        (staging / SUMMARY_FILE).replace(output_dir / SUMMARY_FILE)
    except BaseException:
        for name in affected:
            if os.path.lexists(previous / name):
                (previous / name).replace(output_dir / name)
            else:
                (output_dir / name).unlink(missing_ok=True)
        raise


def _flush(path: Path) -> None:
    """Have the file's content on the disk before its name points to it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _locked_staging_folder(output_dir: Path) -> tuple[Path, int]:
    while True:
        staging = Path(tempfile.mkdtemp(_SUFFIX, _PREFIX, output_dir))
        lock = os.open(staging, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Another run may have taken it for abandoned before it was locked.
        if staging.exists():
            return staging, lock
        os.close(lock)


def _remove_if_abandoned(staging: Path) -> None:
    try:
        lock = os.open(staging, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return  # It is gone, or it is none of ours.
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(staging, ignore_errors=True)
    except BlockingIOError:
        return  # Its run is alive.
    finally:
        os.close(lock)


def _is_staging(folder: Path) -> bool:
    return folder.name.startswith(_PREFIX) and folder.name.endswith(_SUFFIX)
