from __future__ import annotations

from pathlib import Path

import pytest

from lambda_testing import browser


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_preferred_program_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BROWSER_OF_TEST", raising=False)
    monkeypatch.setattr(browser, "_PLACES", str(tmp_path))
    names = ("first", "second")
    assert browser.find_program("BROWSER_OF_TEST", names) is None
    second = program(tmp_path, "second")
    assert browser.find_program("BROWSER_OF_TEST", names) == second
    first = program(tmp_path, "first")
    assert browser.find_program("BROWSER_OF_TEST", names) == first
    monkeypatch.setenv("BROWSER_OF_TEST", "/chosen/browser")
    assert browser.find_program("BROWSER_OF_TEST", names) == Path("/chosen/browser")


def test_a_test_is_skipped_if_no_browser_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("CHROMIUM", "CHROMEDRIVER"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(browser, "_PLACES", str(tmp_path))
    missing = pytest.raises(pytest.skip.Exception, match=r"^Chromium and chromedriver not found")
    with missing as caught, browser.running_browser():
        pass
    assert "apt-get install chromium chromium-driver" in str(caught.value)
    program(tmp_path, "chromium")
    missing = pytest.raises(pytest.skip.Exception, match=r"^chromedriver not found")
    with missing, browser.running_browser():
        pass


def test_a_browser_that_does_not_start_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    monkeypatch.setenv("CHROMEDRIVER", str(tmp_path / "chromedriver"))
    from selenium.common.exceptions import WebDriverException

    with pytest.raises(WebDriverException), browser.running_browser():
        pass
