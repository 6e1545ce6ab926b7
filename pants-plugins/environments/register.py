"""Replaces the installation of whole lockfiles by Pex with the environments that uv has made.

Tests, runs, REPLs and mypy see all packages of a lockfile. To provide them, Pants 2.17 has Pex
install the lockfile, once for each of the Pex files involved. That takes minutes; uv needs seconds.
With this plugin, such a Pex file contains one generated wheel with a `.pth` file
(https://docs.python.org/3/library/site.html), which adds the packages of the environment to
`sys.path`.

Pants has no hook for this, so the plugin replaces one of its functions. That function cannot change
under it, because the plugin accepts exactly one release of Pants. Pex still installs the packages
of anything that leaves this machine, such as a `pex_binary`.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePath
from typing import Iterable

from pants.backend.python.subsystems.setup import PythonSetup
from pants.backend.python.util_rules import pex
from pants.backend.python.util_rules.pex import PexRequest
from pants.backend.python.util_rules.pex_requirements import (
    EntireLockfile,
    LoadedLockfile,
    LoadedLockfileRequest,
    Lockfile,
    Resolve,
)
from pants.engine.fs import CreateDigest, Digest, FileContent
from pants.engine.rules import Get, Rule
from pants.version import PANTS_SEMVER

from environments.locations import environment

RESOLVES = ("pants-plugins", "python-default")
"""The resolves that have an environment. Pex installs `tools`: Pants asks it for mypy's version."""

EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)

install_with_pex = pex._setup_pex_requirements


async def _use_environment(
    request: PexRequest, python_setup: PythonSetup
) -> pex._BuildPexRequirementsSetup:
    resolve = _entire_resolve(request)
    if not request.internal_only or resolve not in RESOLVES:
        return await install_with_pex(request, python_setup)
    lockfile = python_setup.resolves[resolve]
    # Makes Pants watch the lockfile.
    await Get(
        LoadedLockfile,
        LoadedLockfileRequest(Lockfile(lockfile, "[python].resolves", resolve)),
    )
    name, content = link_wheel(lockfile)
    digest = await Get(Digest, CreateDigest([FileContent(name, content)]))
    return pex._BuildPexRequirementsSetup(
        [digest], [name.partition("-")[0], f"--pre-resolved-dist={name}"], 1
    )


def _entire_resolve(request: PexRequest) -> str | None:
    requirements = request.requirements
    if isinstance(requirements, EntireLockfile):
        return requirements.lockfile.resolve_name
    superset = requirements.from_superset
    if isinstance(superset, Resolve) and superset.use_entire_lockfile:
        return superset.name
    return None


def link_wheel(lockfile: str) -> tuple[str, bytes]:
    """Return the name and content of a wheel that adds the lockfile's environment to `sys.path`."""
    (packages,) = environment(lockfile).glob("lib/python3.*/site-packages")
    name = PurePath(lockfile).stem.replace("-", "_") + "_environment"
    info = f"{name}-0.dist-info"
    files = {
        f"{name}.pth": f"import site; site.addsitedir({str(packages)!r})\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, EARLIEST_TIME), text)
    return f"{name}-0-py3-none-any.whl", buffer.getvalue()


def rules() -> Iterable[Rule]:
    """Replace the function; there are no rules to add."""
    if PANTS_SEMVER.release != (2, 17, 1):
        raise ValueError("the plugin `environments` needs Pants 2.17.1; see docs/toolchain.md")
    pex._setup_pex_requirements = _use_environment
    return ()
