"""The environment variables that decide which AWS endpoint clients use."""

from __future__ import annotations

import os

from local_cloud.lambda_runtime.runtime_api import LOOPBACK


def clear_aws_environment() -> None:
    """Remove everything from the environment that could make a client use a real account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    # A web proxy cannot reach this machine's loopback interface.
    direct = [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), LOOPBACK, "localhost"]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, direct))
