"""Write the platforms of Lambda's python3.12 runtime, for which layers are built.

Pex calls such a file a complete platform. It lists the wheel tags that an interpreter supports,
best first (https://packaging.python.org/specifications/platform-compatibility-tags), and the values
of its environment markers. `pex3 interpreter inspect` describes the machine that it runs on. A
laptop is not Lambda, so this script uses AWS's description of the runtime: CPython 3.12 on Amazon
Linux 2023, whose glibc is 2.34, on x86-64 and arm64
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html,
https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html).

    bin/pants run build-support/lambda/generate_platforms.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging import tags

PYTHON = (3, 12)
NEWEST_GLIBC_MINOR = 34
# The oldest glibc 2.x with a manylinux policy: https://peps.python.org/pep-0600.
OLDEST_GLIBC_MINOR = {"x86_64": 5, "aarch64": 17}
# Older names of some policies, before they were named after their glibc.
NAMES_BEFORE_PEP_600 = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def platform_tags(machine: str) -> Iterator[str]:
    """Yield the tags of binaries that run on a machine, newest glibc first."""
    for minor in range(NEWEST_GLIBC_MINOR, OLDEST_GLIBC_MINOR[machine] - 1, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in NAMES_BEFORE_PEP_600:
            yield f"{NAMES_BEFORE_PEP_600[minor]}_{machine}"
    yield f"linux_{machine}"


def complete_platform(machine: str) -> dict[str, object]:
    """Return the description of the runtime on a machine."""
    version = ".".join(map(str, PYTHON))
    interpreter = f"cp{PYTHON[0]}{PYTHON[1]}"
    platforms = list(platform_tags(machine))
    compatible = [
        *tags.cpython_tags(PYTHON, abis=[interpreter], platforms=platforms),
        *tags.compatible_tags(PYTHON, interpreter, platforms),
    ]
    return {
        "path": f"/var/lang/bin/python{version}",
        "compatible_tags": [str(tag) for tag in compatible],
        "marker_environment": {
            "implementation_name": "cpython",
            # Lambda automatically updates to new patch releases, so only the first one is certain.
            "implementation_version": f"{version}.0",
            "os_name": "posix",
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{version}.0",
            "python_version": version,
            "sys_platform": "linux",
        },
    }


def content(machine: str) -> str:
    """Return the text of a machine's file."""
    return json.dumps(complete_platform(machine), indent=1) + "\n"


def main(folder: Path) -> None:
    """Write one file for each machine."""
    for machine in OLDEST_GLIBC_MINOR:
        path = folder / f"python312-{machine}.json"
        path.write_text(content(machine), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build-support/lambda"))
