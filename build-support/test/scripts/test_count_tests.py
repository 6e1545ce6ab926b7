"""The closing line of a run of all tests."""

from __future__ import annotations

from pathlib import Path

import count_tests
import pytest

OUTCOMES = {
    "passed": "",
    "failed": "<failure message='no'/>",
    "broken": "<error message='no'/>",
    "skipped": "<skipped message='why'/>",
}


def report(folder: Path, name: str, module: str = "test_any", **numbers: int) -> None:
    cases = "".join(
        f'<testcase classname="{module}" name="{outcome}{number}">{OUTCOMES[outcome]}</testcase>'
        for outcome, count in numbers.items()
        for number in range(count)
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")


def test_reports_are_added_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(tmp_path, "a.xml", passed=8, skipped=2)
    report(tmp_path / "deep", "b.xml", passed=5)

    assert count_tests.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "13 passed, 0 failed, 2 skipped\n"


def test_failures_and_errors_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(tmp_path, "a.xml", passed=4, failed=1, broken=2, skipped=3)

    assert count_tests.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == "4 passed, 3 failed, 3 skipped\n"


def test_no_tests_have_not_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert count_tests.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == "0 passed, 0 failed, 0 skipped\n"


@pytest.mark.parametrize(("at_least", "code"), [(0, 0), (2, 0), (3, 1)])
def test_tests_of_some_modules_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], at_least: int, code: int
) -> None:
    report(tmp_path, "a.xml", "local_cloud.test_page_in_browser", passed=2, skipped=1)
    report(tmp_path, "b.xml", passed=7)

    arguments = [str(tmp_path), "--only", "in_browser", "--at-least", str(at_least)]
    assert count_tests.main(arguments) == code
    assert capsys.readouterr().out == "in_browser: 2 passed, 0 failed, 1 skipped\n"
