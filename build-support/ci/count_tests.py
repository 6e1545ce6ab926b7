"""Print one line for all tests of a run: `N passed, N failed, N skipped`.

Pants runs tests in many processes, each of which closes with a line of its own. The numbers are
those of the JUnit reports (https://github.com/testmoapp/junitxml), one file for each process.
The exit code is 1 when a test failed, or when there are no reports: a run that tested nothing has
not passed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def count(folder: Path) -> tuple[int, int, int]:
    """Return how many tests passed, failed (errors count) and were skipped."""
    passed = failed = skipped = 0
    for report in sorted(folder.rglob("*.xml")):
        suites = ET.parse(report).getroot()  # noqa: S314  # Our own tests wrote it.
        for suite in suites.iter("testsuite"):
            broken = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            left_out = int(suite.get("skipped", 0))
            passed += int(suite.get("tests", 0)) - broken - left_out
            failed += broken
            skipped += left_out
    return passed, failed, skipped


def main(arguments: list[str]) -> int:
    """Print the line for the folder that is named in the arguments."""
    passed, failed, skipped = count(Path(arguments[0]))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
