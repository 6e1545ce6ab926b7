"""The closing line of a run of all tests."""

from __future__ import annotations

from pathlib import Path

import count_tests
import pytest


def report(folder: Path, name: str, **numbers: int) -> None:
    attributes = " ".join(f'{key}="{value}"' for key, value in numbers.items())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"<testsuites><testsuite {attributes}/></testsuites>")


def test_reports_are_added_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(tmp_path, "a.xml", tests=10, failures=0, errors=0, skipped=2)
    report(tmp_path / "deep", "b.xml", tests=5, failures=0, errors=0, skipped=0)

    assert count_tests.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "13 passed, 0 failed, 2 skipped\n"


def test_failures_and_errors_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(tmp_path, "a.xml", tests=10, failures=1, errors=2, skipped=3)

    assert count_tests.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == "4 passed, 3 failed, 3 skipped\n"


def test_no_tests_have_not_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert count_tests.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == "0 passed, 0 failed, 0 skipped\n"
