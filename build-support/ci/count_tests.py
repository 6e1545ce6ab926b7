"""Print one line for all tests of a run: `N passed, N failed, N skipped`.

Pants runs tests in many processes, and each prints its own summary. The numbers come from the
JUnit reports (https://github.com/testmoapp/junitxml), one file for each process.

Exit code 1 if a test failed, or if fewer tests passed than `--at-least` (1 by default): a run that
tested nothing has not passed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def count(folder: Path, only: str = "") -> tuple[int, int, int]:
    """Return how many tests passed, failed (errors count) and were skipped.

    Parameters
    ----------
    folder
        Contains the reports, at any depth.
    only
        Count only the tests whose module has this text in its name.
    """
    passed = failed = skipped = 0
    for report in sorted(folder.rglob("*.xml")):
        for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314  # Ours.
            if only not in case.get("classname", ""):
                continue
            outcomes = {outcome.tag for outcome in case}
            if outcomes & {"failure", "error"}:
                failed += 1
            elif "skipped" in outcomes:
                skipped += 1
            else:
                passed += 1
    return passed, failed, skipped


def main(arguments: list[str]) -> int:
    """Print the line; the result is the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", type=Path, help="folder of the JUnit reports")
    parser.add_argument("--only", default="", metavar="TEXT", help="part of a module's name")
    parser.add_argument("--at-least", type=int, default=1, metavar="N", help="passed tests (1)")
    args = parser.parse_args(arguments)
    passed, failed, skipped = count(args.folder, args.only)
    prefix = f"{args.only}: " if args.only else ""
    print(f"{prefix}{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed >= args.at_least and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
