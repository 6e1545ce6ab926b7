"""Moto's copy of AWS's parameter tree, read directly from its resource files.

A count from these files is independent of SSM, moto's server and our own code.
"""

from __future__ import annotations

import gzip
import importlib.resources
import json
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True)
class MotoTree:
    """The two trees below `/aws/service/global-infrastructure`.

    Attributes
    ----------
    regions
        By region code: `Value`, attributes such as `longName`, and the nodes `services`,
        `availability-zones`, `local-zones`, `wavelength-zones`.
    services
        By service code: `longName`, the node `regions`, and `Value` if the code itself is a
        parameter, which means that the service is listed.
    """

    regions: dict[str, Any]
    services: dict[str, Any]

    def listed_services(self) -> set[str]:
        """Return the codes that are parameters below `services/`."""
        return {code for code, node in self.services.items() if "Value" in node}

    def region_pairs(self) -> set[tuple[str, str]]:
        """Return the pairs (region, service) of the `regions/` tree."""
        return {(r, s) for r, node in self.regions.items() for s in children(node, "services")}

    def service_pairs(self) -> set[tuple[str, str]]:
        """Return the pairs (region, service) of the `services/` tree."""
        return {(r, s) for s, node in self.services.items() for r in children(node, "regions")}

    def zones(self, kind: str) -> set[str]:
        """Return the IDs of the zones of a kind, such as `local-zones`."""
        return {zone for node in self.regions.values() for zone in children(node, kind)}


def children(node: dict[str, Any], name: str) -> list[str]:
    """Return the names below a branch of a node, without the value of the branch itself."""
    return [key for key in node.get(name, {}) if key != "Value"]


@cache
def moto_tree() -> MotoTree:
    """Return both trees; the files are read only once."""
    return MotoTree(regions=_read("regions"), services=_read("services"))


def _read(name: str) -> dict[str, Any]:
    path = importlib.resources.files("moto.ssm") / "resources" / f"{name}.json.gz"
    tree = json.loads(gzip.decompress(path.read_bytes()))
    branch: dict[str, Any] = tree["aws"]["service"]["global-infrastructure"][name]
    return {code: node for code, node in branch.items() if code != "Value"}
