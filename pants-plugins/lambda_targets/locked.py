r"""The part of a lockfile that a layer needs.

A layer is installed from these entries, so that hashes are compared. The lockfile is the output of
`uv pip compile`, which lists under each entry which packages need it:

    jmespath==1.1.0 \
        --hash=sha256:a5663118de4908c91729bea0acadca56526eb2698e83de10cd116ae0f4e97c64
        # via
        #   aws-lambda-powertools
        #   botocore
"""

from __future__ import annotations

import re
from typing import Iterable


def normal_name(name: str) -> str:
    """Return a package's name in the normal form of https://peps.python.org/pep-0503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def part_of_lockfile(lockfile: str, names: Iterable[str], without: Iterable[str]) -> str:
    """Return the entries of some packages and of all packages that these need.

    Parameters
    ----------
    lockfile
        Text of the lockfile.
    names
        The packages.
    without
        Packages to leave out, with what only they need.

    Raises
    ------
    ValueError
        If one of the packages, or one of those to leave out, is not in the lockfile.
    """
    entries = {}
    needed_by = {}
    # An entry begins at the start of a line; the rest of it is indented.
    for text in re.split(r"^(?=[A-Za-z0-9])", lockfile, flags=re.MULTILINE)[1:]:
        name = normal_name(text[: text.index("==")])
        entries[name] = text
        reasons = re.findall(r"^    # (?:via |  )([A-Za-z0-9._-]+)$", text, flags=re.MULTILINE)
        needed_by[name] = {normal_name(reason) for reason in reasons}

    chosen = {normal_name(name) for name in names}
    left_out = {normal_name(name) for name in without}
    unknown = (chosen | left_out) - entries.keys()
    if unknown:
        raise ValueError(
            f"not in the lockfile: {', '.join(sorted(unknown))};"
            " `bin/upgrade-lockfiles.sh --keep` adds what the requirements list"
        )
    found = chosen
    while found:
        found = {name for name in entries if needed_by[name] & found} - chosen - left_out
        chosen |= found
    return "".join(text for name, text in entries.items() if name in chosen)
