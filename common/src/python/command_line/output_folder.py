"""Writing into the output folder that the user chose."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lambda_core.errors import ReportError

STAGING_SUFFIX = ".partial"
"""End of the name of a staging folder: a hidden folder inside the output folder."""

_ADVICE = {
    errno.EACCES: "you may not write there; choose another output folder or change its permissions",
    errno.EPERM: "you may not write there; choose another output folder or change its permissions",
    errno.EROFS: "it is on a read-only file system; choose another output folder",
    errno.ENOSPC: "the disk is full; free some space or choose another output folder",
    errno.EDQUOT: "your disk quota is used up; free some space or choose another output folder",
    errno.EFBIG: "a file would be larger than is allowed; raise the limit on file sizes",
    errno.EEXIST: "a file with that name exists; choose another output folder",
    errno.ENOTDIR: "a part of its path is a file; choose another output folder",
    errno.EISDIR: "{name} is a folder there; remove it or choose another output folder",
}


@contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Turn a failed write into one line that says what to do.

    Parameters
    ----------
    folder
        The output folder, or a staging folder inside it. The message names the output folder.

    Raises
    ------
    ReportError
        For every `OSError` in the block.
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
    return folder.name.startswith(".") and folder.name.endswith(STAGING_SUFFIX)
