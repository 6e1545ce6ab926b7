"""Mends of moto's SQS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_cloud.moto_patches.replacing import Moto, around


def policies_are_kept() -> None:
    """Return what SetQueueAttributes was given, and leave the rest as it was.

    AWS sets the attributes that are named
    (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html).
    moto forgets the queue's Policy when any other attribute is set, and knows no
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
        # An empty one removes it.
        self.redrive_allow_policy = self.redrive_allow_policy or None
