"""Mends of moto's SSM."""

from __future__ import annotations

import threading
from collections.abc import Callable

from local_cloud.moto_patches.replacing import Moto, around

_TREE = "/aws/service/global-infrastructure/"


def public_parameters_are_whole() -> None:
    """Answer with the whole public parameter tree, in each region and from the first request on.

    AWS has the tree in every region
    (https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters-global-infrastructure.html).
    moto loads half of it when a region is first asked for that half, while other requests walk
    what is there: they fail, or miss what has yet to come.
    """
    from moto.ssm.models import ParameterDict

    lock = threading.Lock()

    @around(ParameterDict, "_check_loading_status")
    def check_loading_status(original: Callable[..., None], self: Moto, key: str) -> None:
        if not str(key or "").startswith(_TREE.rstrip("/")):
            original(self, key)
            return
        with lock:
            for half in ("regions", "services"):
                original(self, f"{_TREE}{half}")
