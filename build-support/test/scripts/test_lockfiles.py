"""The lockfiles pin all requirements, with hashes, and work with any registry."""

from __future__ import annotations

import json
import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from scripts.script_clone import ROOT

PAIRS = [
    ("3rdparty/python/requirements.txt", "3rdparty/python/default.lock"),
    ("3rdparty/python/lambda-runtime.txt", "3rdparty/python/lambda-runtime.lock"),
    ("3rdparty/python/tools.txt", "3rdparty/python/tools.lock"),
    ("build-support/bootstrap/pants.in", "build-support/bootstrap/pants.lock"),
    ("build-support/bootstrap/uv.in", "build-support/bootstrap/uv.lock"),
    ("build-support/checks/checks.in", "build-support/checks/checks.lock"),
]


def pins(lockfile: str) -> dict[str, Version]:
    """Return the versions that a lockfile pins."""
    entries = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / lockfile).read_text(), re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in entries}


@pytest.mark.parametrize(("requirements", "lockfile"), PAIRS)
def test_every_requirement_is_pinned(requirements: str, lockfile: str) -> None:
    pinned = pins(lockfile)
    lines = (ROOT / requirements).read_text().splitlines()
    required = [Requirement(line) for line in lines if line and not line.startswith("#")]

    assert required
    for requirement in required:
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not in {lockfile}: bin/upgrade-lockfiles.sh"
        assert requirement.specifier.contains(version), f"{lockfile} pins {version}: {requirement}"


@pytest.mark.parametrize("lockfile", [lockfile for _, lockfile in PAIRS])
def test_every_pin_has_hashes_and_none_a_host(lockfile: str) -> None:
    text = (ROOT / lockfile).read_text()
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]

    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


def test_what_node_takes_is_pinned_with_hashes() -> None:
    text = (ROOT / "build-support/checks/package-lock.json").read_text()
    root, *packages = json.loads(text)["packages"].values()
    required = json.loads((ROOT / "build-support/checks/package.json").read_text())["dependencies"]

    assert root["dependencies"] == required
    assert len(packages) >= len(required)
    assert all(package["integrity"].startswith("sha512-") for package in packages)
    assert "://" not in text


def test_tools_see_the_codes_pydantic() -> None:
    # mypy's plugin for models belongs to one release of it.
    name = "pydantic"
    assert pins("3rdparty/python/tools.lock")[name] == pins("3rdparty/python/default.lock")[name]
