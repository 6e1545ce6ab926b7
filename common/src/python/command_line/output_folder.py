"""Writing into the folder that the user chose."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lambda_core.errors import ReportError

STAGING_PREFIX, STAGING_SUFFIX = ".region-report-", ".partial"

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


def _is_staging(folder: Path) -> bool:
    return folder.name.startswith(STAGING_PREFIX) and folder.name.endswith(STAGING_SUFFIX)
