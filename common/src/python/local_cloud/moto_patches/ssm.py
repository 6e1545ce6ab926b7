"""Patches of moto's SSM."""

from __future__ import annotations

import threading
from collections.abc import Callable

from local_cloud.moto_patches.replacing import Moto, around

_TREE = "/aws/service/global-infrastructure/"


def public_parameters_are_complete() -> None:
    """Load the whole public parameter tree before a region's first request is answered.

    AWS has the tree in every region
    (https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters-global-infrastructure.html).
    moto loads half of the tree on the first request for that half in a region. Concurrent requests
    read the tree while it is loaded, so they fail or their responses are incomplete.
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
