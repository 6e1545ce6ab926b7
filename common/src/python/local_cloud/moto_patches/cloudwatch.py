"""Patches of moto's CloudWatch."""

from __future__ import annotations

import json
from collections.abc import Callable

from local_cloud.moto_patches.replacing import Moto, around


def alarms_publish_to_topics() -> None:
    """Publish an alarm's change of state to the SNS topics among its actions.

    AWS: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html and
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html. moto
    only stores the new state.
    """
    from moto.cloudwatch.models import Alarm

    @around(Alarm, "update_state")
    def update_state(
        original: Callable[..., None],
        self: Moto,
        reason: str,
        reason_data: str,
        state_value: str,
    ) -> None:
        before = self.state_value
        original(self, reason, reason_data, state_value)
        if self.actions_enabled and state_value != before:
            for arn in _topics(self):
                _publish(self, arn, before)


def _topics(alarm: Moto) -> list[str]:
    by_state = {
        "ALARM": alarm.alarm_actions,
        "INSUFFICIENT_DATA": alarm.insufficient_data_actions,
        "OK": alarm.ok_actions,
    }
    return [arn for arn in by_state[alarm.state_value] if arn.split(":")[2] == "sns"]


def _publish(alarm: Moto, topic_arn: str, before: str) -> None:
    from moto.sns.models import sns_backends

    _, _, _, region, account, _ = topic_arn.split(":")
    sns_backends[account][region].publish(
        json.dumps(
            {
                "AlarmName": alarm.name,
                "AlarmDescription": alarm.description,
                "AWSAccountId": account,
                "NewStateValue": alarm.state_value,
                "NewStateReason": alarm.state_reason,
                "StateChangeTime": alarm.state_updated_timestamp.isoformat(),
                "Region": region,
                "AlarmArn": alarm.alarm_arn,
                "OldStateValue": before,
            }
        ),
        arn=topic_arn,
        # SNS allows fewer than 100 characters.
        subject=f'{alarm.state_value}: "{alarm.name}" in {region}'[:99],
    )
