"""Patches of moto's SQS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_cloud.moto_patches.replacing import Moto, around


def policies_are_kept() -> None:
    """Keep a queue's policies if SetQueueAttributes does not name them.

    AWS changes only the attributes in the request
    (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html).
    moto removes the queue's Policy if the request does not contain it, and does not support
    RedriveAllowPolicy.
    """
    from moto.sqs import models

    queue: Moto = models.Queue
    queue.redrive_allow_policy = None
    queue.BASE_ATTRIBUTES = [*queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"]

    @around(queue, "_set_attributes")
    def set_attributes(
        original: Callable[..., None],
        self: Moto,
        attributes: dict[str, Any],
        now: float | None = None,
    ) -> None:
        policy = getattr(self, "policy", None)
        original(self, attributes, now)
        if "Policy" not in attributes:
            self.policy = policy
        # An empty text removes the policy.
        self.redrive_allow_policy = self.redrive_allow_policy or None
