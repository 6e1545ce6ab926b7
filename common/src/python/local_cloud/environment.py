"""The environment of this process, as far as it decides which AWS its clients talk to."""

from __future__ import annotations

import os

from local_cloud.lambda_runtime.runtime_api import LOOPBACK


def clear_aws_environment() -> None:
    """Leave nothing in the environment that could lead a client to a real account, or elsewhere."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    # A proxy for the web is no way to this machine's own loopback.
    direct = [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), LOOPBACK, "localhost"]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, direct))
