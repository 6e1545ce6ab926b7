"""A real browser for tests of pages: headless Chromium, driven through WebDriver.

Selenium drives the browser with the chromedriver of the same distribution package, so the two
versions always match and nothing is downloaded. On Debian: `apt-get install chromium
chromium-driver`. The environment variables `CHROMIUM` and `CHROMEDRIVER` name other programs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

type Rule = dict[str, Any]

_PLACES = os.pathsep.join(
    (
        os.environ.get("PATH", ""),
        "/usr/bin",
        "/usr/local/bin",
        "/opt/homebrew/bin",
        "/Applications/Chromium.app/Contents/MacOS",
        "/Applications/Google Chrome.app/Contents/MacOS",
    )
)
"""Where browsers are. Pants runs tests without the user's PATH."""

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "Chromium", "Google Chrome")

_DRIVERS = ("chromedriver", "chromium.chromedriver")

_ARGUMENTS = (
    "--headless",
    # Chromium's own sandbox does not work for root or in most containers. Tests open only pages of
    # this project.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)


def find_program(variable: str, names: Sequence[str]) -> Path | None:
    """Return the program that an environment variable names, or the first one that is installed.

    Parameters
    ----------
    variable
        Name of the environment variable; its value wins, even if no such file exists.
    names
        Names of the program, the preferred name first.
    """
    if chosen := os.environ.get(variable):
        return Path(chosen)
    found = (shutil.which(name, path=_PLACES) for name in names)
    return next((Path(path) for path in found if path), None)


@contextmanager
def running_browser() -> Iterator[Chrome]:
    """Run a headless browser with a fresh profile; skip the test if no browser is installed.

    An installed browser that does not start fails the test: it must not look as if nobody had
    installed it.
    """
    browser = find_program("CHROMIUM", _BROWSERS)
    driver = find_program("CHROMEDRIVER", _DRIVERS)
    missing = [
        name for name, path in (("Chromium", browser), ("chromedriver", driver)) if path is None
    ]
    if missing:
        pytest.skip(
            f"{' and '.join(missing)} not found. Install them, on Debian with: apt-get install "
            "chromium chromium-driver; or set CHROMIUM and CHROMEDRIVER."
        )
    # Only tests with a browser pay for the import.
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    with TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = str(browser)
        for argument in (*_ARGUMENTS, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        # Chromium writes below HOME, and a test has none.
        environment = {**os.environ, "HOME": profile, "XDG_CONFIG_HOME": profile}
        service = ChromeService(executable_path=str(driver), env=environment)
        chrome = Chrome(options=options, service=service)
        try:
            yield chrome
        finally:
            chrome.quit()


def emulate(
    chrome: Chrome,
    *,
    width: int = 1280,
    height: int = 800,
    dark: bool = False,
    reduced_motion: bool = False,
    media: str = "screen",
) -> None:
    """Set the size of the viewport in CSS pixels and the preferences of the user."""
    chrome.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )
    features = {
        "prefers-color-scheme": "dark" if dark else "light",
        "prefers-reduced-motion": "reduce" if reduced_motion else "no-preference",
    }
    chrome.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {
            "media": media,
            "features": [{"name": name, "value": value} for name, value in features.items()],
        },
    )


def hidden_width(chrome: Chrome) -> int:
    """Return by how many CSS pixels the page is wider than the viewport; 0 if it fits."""
    return int(
        chrome.execute_script(
            "return Math.max(0, document.scrollingElement.scrollWidth - innerWidth)"
        )
    )


def low_contrast(chrome: Chrome) -> list[str]:
    """Return the visible texts whose contrast is below WCAG AA, each with its ratio.

    AA requires 4.5:1, and 3:1 for large text (24 px, or 18.66 px in bold):
    https://www.w3.org/TR/WCAG22/#contrast-minimum. A colour that is partly transparent, or an
    element with an opacity, counts as too low: this function does not blend colours.
    """
    return [str(text) for text in chrome.execute_script(_CONTRAST)]


_CONTRAST = """
const parts = (color) => color.match(/[\\d.]+/g).map(Number);
const luminance = (color) => {
  const [red, green, blue] = parts(color).slice(0, 3).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const isClear = (color) => parts(color)[3] === 0;
const isBlended = (color) => (parts(color)[3] ?? 1) < 1;
const found = [];
const check = (text, element, style) => {
  let behind = element;
  while (behind && isClear(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
  const below = behind ? getComputedStyle(behind).backgroundColor : "rgb(255, 255, 255)";
  const lights = [luminance(style.color), luminance(below)].sort((a, b) => b - a);
  let ratio = (lights[0] + 0.05) / (lights[1] + 0.05);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  for (let part = element; part; part = part.parentElement) {
    if (Number(getComputedStyle(part).opacity) < 1) ratio = 1;
  }
  if (isBlended(style.color) || isBlended(below)) ratio = 1;
  if (ratio < (isLarge ? 3 : 4.5)) found.push(`${ratio.toFixed(2)}: ${text.trim().slice(0, 60)}`);
};
for (const element of document.body.querySelectorAll("*")) {
  if (!element.checkVisibility() || ["SCRIPT", "NOSCRIPT"].includes(element.tagName)) continue;
  for (const node of element.childNodes) {
    if (node.nodeType === Node.TEXT_NODE && node.data.trim()) {
      check(node.data, element, getComputedStyle(element));
    }
  }
  for (const pseudo of ["::before", "::after"]) {
    const style = getComputedStyle(element, pseudo);
    if (!["none", "normal"].includes(style.content)) check(style.content, element, style);
  }
}
return found;
"""
