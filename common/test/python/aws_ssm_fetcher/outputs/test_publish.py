from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

from aws_ssm_fetcher.outputs.files import ReportFormat
from aws_ssm_fetcher.outputs.publish import publish, staging_folder, writing_into
from aws_ssm_fetcher.outputs.report_set import write_reports
from aws_ssm_fetcher.outputs.summary import summarise
from aws_ssm_fetcher.report import Report
from lambda_core.errors import ReportError

MakeReport = Callable[..., Report]
TEXTS = (ReportFormat.JSON, ReportFormat.CSV)
OWN_CODE = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), PYTHONDONTWRITEBYTECODE="1")
"""The environment of a process that finds the code where this one does. It writes no bytecode: a
limit on the size of files would cut that off too, and leave it to break whatever runs next."""


def run(
    report: Report,
    output_dir: Path,
    formats: Collection[ReportFormat] = TEXTS,
) -> None:
    with staging_folder(output_dir) as staging:
        files = write_reports(report, formats, staging)
        summary = summarise(
            report,
            files,
            (),
            execution_id="run",
            completed_at=dt.datetime(2026, 3, 4, tzinfo=dt.UTC),
            total_duration_seconds=0.0,
        )
        publish(staging, output_dir, summary)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def summary_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return content


def is_one_whole_set(folder: Path) -> bool:
    digests = {
        report["file"]: report["sha256"]
        for report in summary_of(folder)["reports_generated"].values()
    }
    found = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in contents(folder).items()
        if name != "summary.json"
    }
    return found == digests


def test_a_set_is_published_whole_into_a_new_folder(report: Report, tmp_path: Path) -> None:
    output_dir = tmp_path / "a" / "b"
    run(report, output_dir, ReportFormat)
    assert is_one_whole_set(output_dir)
    assert len(list(output_dir.iterdir())) == 10


def test_a_new_set_takes_the_place_of_the_old_one(make_report: MakeReport, tmp_path: Path) -> None:
    run(make_report(), tmp_path)
    old = contents(tmp_path)
    run(make_report(name="Other"), tmp_path)
    assert is_one_whole_set(tmp_path)
    assert contents(tmp_path)["regional_services.csv"] != old["regional_services.csv"]


def test_reports_of_formats_not_asked_for_do_not_stay_behind(
    report: Report, tmp_path: Path
) -> None:
    run(report, tmp_path, ReportFormat)
    (tmp_path / "notes.txt").write_text("mine")
    run(report, tmp_path, [ReportFormat.JSON])
    assert set(contents(tmp_path)) == {
        "aws_regions_services.json",
        "aws_regions_services.compact.json",
        "summary.json",
        "notes.txt",
    }


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_a_run_that_ends_early_leaves_the_old_set_and_no_staging_folder(
    make_report: MakeReport, tmp_path: Path, error: type[BaseException]
) -> None:
    run(make_report(), tmp_path)
    old = contents(tmp_path)

    def broken_run() -> None:
        with staging_folder(tmp_path) as staging:
            write_reports(make_report(name="Other"), TEXTS, staging)
            raise error

    with pytest.raises(error):
        broken_run()
    assert contents(tmp_path) == old
    assert set(old) == {path.name for path in tmp_path.iterdir()}


def test_a_folder_in_the_way_of_a_report_changes_nothing(
    make_report: MakeReport, tmp_path: Path
) -> None:
    run(make_report(), tmp_path)
    (tmp_path / "statistics.csv").unlink()
    (tmp_path / "statistics.csv").mkdir()
    old = contents(tmp_path)
    with pytest.raises(ReportError, match=r"a folder stands in the place of statistics\.csv"):
        run(make_report(name="Other"), tmp_path)
    assert contents(tmp_path) == old


INTERRUPTED = """
import datetime as dt, sys
from pathlib import Path
from aws_ssm_fetcher.outputs.publish import publish
from aws_ssm_fetcher.outputs.summary import Summary

staging, output_dir, summary, nth = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
renames = 0

def interrupt(event, args):
    global renames
    if event == "os.rename":
        renames += 1
        if renames == int(nth):
            raise KeyboardInterrupt

sys.addaudithook(interrupt)
try:
    publish(staging, output_dir, Summary.model_validate_json(Path(summary).read_text()))
except KeyboardInterrupt:
    sys.exit(77)
"""


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("old_formats", [TEXTS, (ReportFormat.CSV,), ()], ids=str)
def test_an_interruption_in_the_middle_of_publishing_puts_the_old_set_back(
    make_report: MakeReport, tmp_path: Path, old_formats: tuple[ReportFormat, ...], nth: int
) -> None:
    output_dir = tmp_path / "out"
    output_dir.mkdir()
    if old_formats:
        run(make_report(), output_dir, old_formats)
    else:
        (output_dir / "statistics.csv").symlink_to("nowhere")
    old, old_names = contents(output_dir), {path.name for path in output_dir.iterdir()}
    summary_file = tmp_path / "new-summary.json"
    report = make_report(name="Other")
    with staging_folder(output_dir) as staging:
        files = write_reports(report, [ReportFormat.JSON], staging)
        summary = summarise(
            report,
            files,
            (),
            execution_id="other",
            completed_at=dt.datetime(2026, 3, 4, tzinfo=dt.UTC),
            total_duration_seconds=0.0,
        )
        summary_file.write_text(summary.model_dump_json())
        # The interpreter itself announces each rename, so the interruption hits the real one; in
        # a process of its own, because such a hook cannot be taken away again.
        done = subprocess.run(  # noqa: S603 (our own interpreter and script)
            [
                sys.executable,
                "-c",
                INTERRUPTED,
                str(staging),
                str(output_dir),
                str(summary_file),
                str(nth),
            ],
            env=OWN_CODE,
            check=False,
        )
    assert done.returncode == 77
    assert contents(output_dir) == old
    assert {path.name for path in output_dir.iterdir()} == old_names


def test_staging_folders_of_dead_runs_are_removed_and_those_of_living_ones_stay(
    report: Report, tmp_path: Path
) -> None:
    script = (
        "import os, sys; from pathlib import Path;"
        "from aws_ssm_fetcher.outputs.publish import staging_folder;"
        "s = staging_folder(Path(sys.argv[1])); p = s.__enter__();"
        "(p / 'half.csv').write_text('x'); print(p, flush=True); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run(  # noqa: S603 (our own interpreter and script)
        [sys.executable, "-c", script, str(tmp_path)],
        env=OWN_CODE,
        capture_output=True,
        text=True,
        check=False,
    )
    dead = Path(killed.stdout.strip())
    assert (dead / "half.csv").exists()
    with staging_folder(tmp_path) as living:
        assert not dead.exists()
        run(report, tmp_path)
        assert living.exists()
    assert not living.exists()


def test_only_own_staging_folders_are_cleaned_up(report: Report, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("x")
    output_dir = tmp_path / "out"
    (output_dir / ".hidden").mkdir(parents=True)
    (output_dir / ".region-report-x.partial").symlink_to(elsewhere)
    run(report, output_dir)
    assert (elsewhere / "precious").exists()
    assert (output_dir / ".hidden").exists()


@pytest.mark.parametrize("there", [True, False])
def test_a_link_in_the_place_of_a_report_is_replaced_and_its_target_left_alone(
    report: Report, tmp_path: Path, there: bool
) -> None:
    target, output_dir = tmp_path / "target", tmp_path / "out"
    output_dir.mkdir()
    (output_dir / "service_matrix.csv").symlink_to(target)
    if there:
        target.write_text("mine")
    run(report, output_dir)
    assert is_one_whole_set(output_dir)
    assert not (output_dir / "service_matrix.csv").is_symlink()
    assert target.exists() == there
    if there:
        assert target.read_text() == "mine"


def test_an_output_folder_that_is_a_file_is_one_clear_line(report: Report, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for output_dir, reason in ((file, "a file of that name"), (file / "x", "a part of its path")):
        with pytest.raises(ReportError, match=f"{output_dir}: {reason}"):
            run(report, output_dir)
    assert file.read_text() == "x"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EACCES, "you may not write there"),
        (errno.EROFS, "read-only file system"),
        (errno.EDQUOT, "quota"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_the_reason_is_in_words(tmp_path: Path, code: int, words: str) -> None:
    with pytest.raises(ReportError, match=words) as caught, writing_into(tmp_path):
        raise OSError(code, os.strerror(code), "file.csv")
    assert caught.value.context == {
        "output_dir": str(tmp_path),
        "file": "file.csv",
        "errno": code,
    }


LIMITED = """
import resource, sys
from pathlib import Path
from aws_ssm_fetcher.outputs.files import ReportFormat
from aws_ssm_fetcher.outputs.publish import staging_folder
from aws_ssm_fetcher.outputs.report_set import write_reports
from aws_ssm_fetcher.report import Report
from lambda_core.errors import ReportError

report = Report.model_validate_json(Path(sys.argv[1]).read_text())
unlimited = resource.RLIM_INFINITY
resource.setrlimit(resource.RLIMIT_FSIZE, (100, unlimited))
try:
    with staging_folder(Path(sys.argv[2])) as staging:
        write_reports(report, [ReportFormat(sys.argv[3])], staging)
except ReportError as error:
    print(error)
# What measures this process writes a file in the end.
resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
"""


@pytest.mark.parametrize("kind", ReportFormat)
def test_a_write_that_fails_half_way_leaves_nothing(
    report: Report, tmp_path: Path, kind: ReportFormat
) -> None:
    saved, output_dir = tmp_path / "report.json", tmp_path / "out"
    saved.write_text(report.model_dump_json())
    done = subprocess.run(  # noqa: S603 (our own interpreter and script)
        [sys.executable, "-c", LIMITED, str(saved), str(output_dir), kind],
        env=OWN_CODE,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.startswith(f"cannot write the reports into {output_dir}: a file would be")
    assert list(output_dir.iterdir()) == []


TEN_RUNS = """
import datetime as dt, sys
from pathlib import Path
from aws_ssm_fetcher.outputs.files import ReportFormat
from aws_ssm_fetcher.outputs.publish import publish, staging_folder
from aws_ssm_fetcher.outputs.report_set import write_reports
from aws_ssm_fetcher.outputs.summary import summarise
from aws_ssm_fetcher.report import Report

report = Report.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
output_dir, name = Path(sys.argv[2]), sys.argv[3]
for _ in range(10):
    with staging_folder(output_dir) as staging:
        files = write_reports(report, [ReportFormat.CSV], staging)
        now = dt.datetime.now(dt.UTC)
        publish(staging, output_dir, summarise(
            report, files, (), execution_id=name, completed_at=now, total_duration_seconds=0.0
        ))
"""


def test_runs_at_the_same_time_do_not_mix_their_sets(
    make_report: MakeReport, tmp_path: Path
) -> None:
    output_dir = tmp_path / "out"
    names = ("One", "Two", "Three")
    for name in names:
        (tmp_path / name).write_text(make_report(name=name).model_dump_json(), encoding="utf-8")
    runs = [
        subprocess.Popen(  # noqa: S603 (our own interpreter and script)
            [sys.executable, "-c", TEN_RUNS, str(tmp_path / name), str(output_dir), name],
            env=OWN_CODE,
        )
        for name in names
    ]
    assert [process.wait() for process in runs] == [0, 0, 0]
    assert is_one_whole_set(output_dir)
    name = summary_of(output_dir)["execution_id"]
    assert name.encode() in contents(output_dir)["regional_services.csv"]
    assert not list(output_dir.glob(".region-report-*"))
