from __future__ import annotations

import errno
import hashlib
import io
import itertools
import traceback
from pathlib import Path

import pytest

from aws_ssm_fetcher.outputs.files import REPORT_FILES, ReportFormat
from aws_ssm_fetcher.outputs.report_set import write_reports
from aws_ssm_fetcher.report import Report
from lambda_core.errors import ReportError


@pytest.mark.parametrize(
    "formats",
    [set(some) for size in range(4) for some in itertools.combinations(ReportFormat, size)],
    ids=lambda formats: "+".join(sorted(formats)) or "none",
)
def test_exactly_the_files_of_the_formats_are_written(
    report: Report, tmp_path: Path, formats: set[ReportFormat]
) -> None:
    files = write_reports(report, formats, tmp_path)
    expected = {name: file for kind in formats for name, file in REPORT_FILES[kind].items()}
    assert {file.name: file.file for file in files} == expected
    assert {path.name for path in tmp_path.iterdir()} == set(expected.values())


def test_each_file_is_described_by_size_and_digest(report: Report, tmp_path: Path) -> None:
    for file in write_reports(report, ReportFormat, tmp_path):
        content = (tmp_path / file.file).read_bytes()
        assert file.bytes == len(content)
        assert file.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full (Linux)")
@pytest.mark.parametrize("kind", ReportFormat)
def test_a_full_disk_is_one_clear_line(report: Report, tmp_path: Path, kind: ReportFormat) -> None:
    for file in REPORT_FILES[kind].values():
        (tmp_path / file).symlink_to("/dev/full")
    with pytest.raises(ReportError) as caught:
        write_reports(report, [kind], tmp_path)
    assert str(caught.value) == (
        f"cannot write the reports into {tmp_path}: the disk is full; "
        "free some space or choose another output folder"
    )
    assert caught.value.context["errno"] == errno.ENOSPC


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full (Linux)")
@pytest.mark.parametrize("kind", ReportFormat)
def test_a_failed_write_leaves_no_exported_buffer(
    report: Report, tmp_path: Path, kind: ReportFormat
) -> None:
    """CPython 3.12.1 crashes at exit if it collects a BytesIO together with a view of it."""
    for file in REPORT_FILES[kind].values():
        (tmp_path / file).symlink_to("/dev/full")
    with pytest.raises(ReportError) as caught:
        write_reports(report, [kind], tmp_path)
    errors: list[BaseException | None] = [caught.value, caught.value.__cause__]
    for error in filter(None, errors):
        for frame, _ in traceback.walk_tb(error.__traceback__):
            for value in frame.f_locals.values():
                if isinstance(value, io.BytesIO) and not value.closed:
                    # Raises BufferError while a view of it exists.
                    value.truncate(0)
