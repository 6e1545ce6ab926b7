from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from aws_ssm_fetcher.outputs.files import ReportFile, ReportFormat
from aws_ssm_fetcher.outputs.publish import publish, staging_folder
from aws_ssm_fetcher.outputs.report_set import write_reports
from aws_ssm_fetcher.outputs.summary import Summary, summarise
from aws_ssm_fetcher.report import Report
from command_line.output_folder import writing_into
from lambda_core.errors import ReportError

MakeReport = Callable[..., Report]
TEXTS = (ReportFormat.JSON, ReportFormat.CSV)
OWN_CODE = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), PYTHONDONTWRITEBYTECODE="1")
"""The environment of a process that finds the code where this one does. It writes no bytecode: a
limit on the size of files would truncate it too, and break later runs."""


def run(
    report: Report,
    output_dir: Path,
    formats: Collection[ReportFormat] = TEXTS,
) -> None:
    with staging_folder(output_dir) as staging:
        files = write_reports(report, formats, staging)
        publish(staging, output_dir, summary_for(report, files))


def summary_for(report: Report, files: Sequence[ReportFile]) -> Summary:
    return summarise(
        report,
        files,
        (),
        execution_id="run",
        completed_at=dt.datetime(2026, 3, 4, tzinfo=dt.UTC),
        total_duration_seconds=0.0,
    )


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


def test_a_complete_set_is_published_into_a_new_folder(report: Report, tmp_path: Path) -> None:
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


def test_reports_in_other_formats_are_removed(report: Report, tmp_path: Path) -> None:
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
    with pytest.raises(ReportError, match=r"statistics\.csv is a folder there"):
        run(make_report(name="Other"), tmp_path)
    assert contents(tmp_path) == old


STOPPED_RUNS = """
import datetime as dt, itertools, json, os, shutil, signal, sys
from pathlib import Path
from aws_ssm_fetcher.outputs.files import ReportFormat
from aws_ssm_fetcher.outputs.publish import publish, staging_folder
from aws_ssm_fetcher.outputs.report_set import write_reports
from aws_ssm_fetcher.outputs.summary import summarise
from aws_ssm_fetcher.report import Report

def run(report, formats):
    with staging_folder(output_dir) as staging:
        files = write_reports(report, formats, staging)
        publish(staging, output_dir, summarise(
            report, files, (), execution_id="run",
            completed_at=dt.datetime(2026, 3, 4, tzinfo=dt.UTC), total_duration_seconds=0.0,
        ))

def run_again():
    run(new, [ReportFormat.JSON])

def clear_up():
    with staging_folder(output_dir):
        pass

def stopped(nth, function):
    # Stops before the nth change of a name, which the interpreter itself announces; in a child,
    # because such a hook stays. Returns whether there was an nth.
    child = os.fork()
    if child:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, 77, -signal.SIGKILL), code
        return code != 0
    changes = itertools.count(1)
    def stop(event, _):
        if event in ("os.rename", "os.remove", "os.rmdir") and next(changes) == nth:
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise KeyboardInterrupt
    sys.addaudithook(stop)
    try:
        function()
    except KeyboardInterrupt:
        os._exit(77)
    os._exit(0)

def contents():
    return {
        path.name: os.readlink(path) if path.is_symlink() else path.is_dir() or path.read_bytes()
        for path in output_dir.iterdir()
    }

def begin():
    shutil.rmtree(output_dir)
    shutil.copytree(begun, output_dir, symlinks=True)

how, old_formats, work = sys.argv[1], sys.argv[2].split(), Path(sys.argv[3])
old, new = (Report.model_validate_json((work / name).read_text()) for name in ("old", "new"))
output_dir, begun = work / "out", work / "begun"
output_dir.mkdir()
if old_formats:
    run(old, [ReportFormat(kind) for kind in old_formats])
else:
    (output_dir / "statistics.csv").symlink_to("nowhere")
(output_dir / "aws_regions_services.xlsx").write_text("mine")
shutil.copytree(output_dir, begun, symlinks=True)
before = contents()
run_again()
after = contents()

kept = []
for nth in itertools.count(1):
    begin()
    if not stopped(nth, run_again):
        break
    if how == "interrupted" and all(kept) and contents() == before:
        kept.append(True)
        continue
    clear_up()
    found = contents()
    assert found in (before, after), (nth, sorted(found))
    kept.append(found == before)
undone = kept.count(True)
assert kept == sorted(kept, reverse=True), kept

cleared_up = 0
for nth in itertools.count(1):
    begin()
    stopped(undone, run_again)
    if not stopped(nth, clear_up):
        break
    cleared_up += 1
    clear_up()
    assert contents() == before, (nth, sorted(contents()))
print(json.dumps([undone, cleared_up]))
"""


@pytest.mark.parametrize("how", ["interrupted", "killed"])
@pytest.mark.parametrize(
    ("old_formats", "changes"),
    # The journal, two reports and the summary; and the six tables that are not requested again.
    [(TEXTS, 10), ((ReportFormat.CSV,), 10), ((ReportFormat.JSON,), 4), ((), 4)],
    ids=str,
)
def test_a_run_that_is_stopped_anywhere_leaves_the_old_set_or_the_new_one(
    make_report: MakeReport,
    tmp_path: Path,
    old_formats: tuple[ReportFormat, ...],
    changes: int,
    how: str,
) -> None:
    (tmp_path / "old").write_text(make_report().model_dump_json(), encoding="utf-8")
    (tmp_path / "new").write_text(make_report(name="Other").model_dump_json(), encoding="utf-8")
    done = subprocess.run(  # noqa: S603 (our own interpreter and script)
        [sys.executable, "-c", STOPPED_RUNS, how, " ".join(old_formats), str(tmp_path)],
        env=OWN_CODE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    undone, cleared_up = json.loads(done.stdout)
    assert undone == changes
    # Restoring takes as many steps again, and each run removes its own folder.
    assert cleared_up > changes if how == "killed" else cleared_up == 1


KILLED_RUN = """
import os, signal, sys
from pathlib import Path
from aws_ssm_fetcher.outputs.publish import publish, staging_folder
from aws_ssm_fetcher.outputs.summary import Summary

def kill(event, args):
    if event == "os.rename" and str(args[0]).endswith("summary.json"):
        os.kill(os.getpid(), signal.SIGKILL)

summary = Summary.model_validate_json(Path(sys.argv[1], "summary.json").read_text())
with staging_folder(Path(sys.argv[2])) as staging:
    for report in summary.reports_generated.values():
        (staging / report.file).write_bytes(Path(sys.argv[1], report.file).read_bytes())
    sys.addaudithook(kill)
    publish(staging, Path(sys.argv[2]), summary)
"""


def test_a_killed_run_is_undone_before_another_publishes(
    make_report: MakeReport, tmp_path: Path
) -> None:
    output_dir = tmp_path / "out"
    run(make_report(name="First"), output_dir)
    run(make_report(name="Killed"), tmp_path / "killed")
    third = make_report(name="Third")
    with staging_folder(output_dir) as staging:
        killed = subprocess.run(  # noqa: S603 (our own interpreter and script)
            [sys.executable, "-c", KILLED_RUN, str(tmp_path / "killed"), str(output_dir)],
            env=OWN_CODE,
            check=False,
        )
        assert killed.returncode == -9
        assert not is_one_whole_set(output_dir), "what is tested is a half set"
        files = write_reports(third, TEXTS, staging)
        publish(staging, output_dir, summary_for(third, files))
    assert is_one_whole_set(output_dir)
    published = contents(output_dir)
    with staging_folder(output_dir):
        assert contents(output_dir) == published
    assert not list(output_dir.glob(".region-report-*"))


OWN_FILES = {"statistics.csv": b"mine", "aws_regions_services.xlsx": b"mine too"}


@pytest.mark.parametrize(
    "summary",
    [
        b"",
        b"mine",
        b"[]",
        b'{"total": 3}',
        b"\xff\xfe",
        b'{"execution_id": "1", "reports_generated": ["statistics.csv"]}',
        b'{"execution_id": "1", "reports_generated": {"a": {"file": "statistics.csv"}}}',
    ],
)
def test_a_summary_of_another_program_stays_and_is_reported_first(
    report: Report, tmp_path: Path, summary: bytes
) -> None:
    mine = {**OWN_FILES, "summary.json": summary}
    for name, content in mine.items():
        (tmp_path / name).write_bytes(content)
    words = rf"into {tmp_path}: the summary\.json there belongs to another program; move it away"
    with pytest.raises(ReportError, match=words), staging_folder(tmp_path):
        pytest.fail("the run began")
    assert contents(tmp_path) == mine

    for name in mine:
        (tmp_path / name).unlink()
    with staging_folder(tmp_path) as staging:
        files = write_reports(report, TEXTS, staging)
        for name, content in mine.items():
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ReportError, match=words):
            publish(staging, tmp_path, summary_for(report, files))
    assert contents(tmp_path) == mine
    assert set(mine) == {path.name for path in tmp_path.iterdir()}


def test_files_that_no_summary_of_ours_names_stay(report: Report, tmp_path: Path) -> None:
    for name, content in OWN_FILES.items():
        (tmp_path / name).write_bytes(content)
    for _ in range(2):
        run(report, tmp_path, [ReportFormat.JSON])
        assert {name: contents(tmp_path)[name] for name in OWN_FILES} == OWN_FILES


def test_a_summary_names_only_files_of_the_report(report: Report, tmp_path: Path) -> None:
    output_dir = tmp_path / "out"
    run(report, output_dir)
    mine = tmp_path / "mine.csv"
    mine.write_text("mine")
    told = summary_of(output_dir)
    told["reports_generated"]["statistics"]["file"] = "../mine.csv"
    told["of a later version"] = True
    (output_dir / "summary.json").write_text(json.dumps(told), encoding="utf-8")
    run(report, output_dir, [ReportFormat.JSON])
    assert mine.exists()
    assert (output_dir / "statistics.csv").exists()
    assert not (output_dir / "service_matrix.csv").exists()


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
    for output_dir, reason in ((file, "a file with that name"), (file / "x", "a part of its path")):
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
def test_the_error_gives_the_reason(tmp_path: Path, code: int, words: str) -> None:
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
# Coverage writes a file at the end of this process.
resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
"""


@pytest.mark.parametrize("kind", ReportFormat)
def test_a_write_that_fails_leaves_nothing(
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
