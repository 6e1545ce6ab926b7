from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import boto3
import pytest

from deployment.verify import Client, faults, unconfirmed
from lambda_testing.fault_proxy import Fault, FaultProxy, always, mutate_json

ROLE = "arn:aws:iam::123456789012:role/any"


def there(kind: str, **values: object) -> dict[str, Any]:
    return {"type": kind, "change": {"actions": ["no-op"], "before": values, "after": values}}


def session() -> boto3.Session:
    return boto3.Session(region_name="us-east-1")


@pytest.fixture
def account(aws_environment: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_environment)
    return aws_environment


def make_function(name: str) -> dict[str, Any]:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("lambda_function.py", "")
    client = session().client("lambda")
    session().client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    client.create_function(
        FunctionName=name,
        Role=f"arn:aws:iam::123456789012:role/{name}",
        Runtime="python3.12",
        Handler="lambda_function.handler",
        Code={"ZipFile": code.getvalue()},
        Publish=True,
    )
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    return there("aws_lambda_alias", function_name=name, name="live")


def make_alarms(*names: str, state: str) -> list[dict[str, Any]]:
    client = session().client("cloudwatch")
    return [make_alarm(client, name, state) for name in names]


def make_alarm(client: Client, name: str, state: str) -> dict[str, Any]:
    client.put_metric_alarm(
        AlarmName=name,
        Namespace="Any",
        MetricName="Any",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=300,
        Statistic="Sum",
        Threshold=1,
    )
    client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="the test says so")
    return there("aws_cloudwatch_metric_alarm", alarm_name=name)


def make_state_machine(name: str) -> dict[str, Any]:
    made = (
        session()
        .client("stepfunctions")
        .create_state_machine(
            name=name,
            definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
            roleArn=ROLE,
        )
    )
    return there("aws_sfn_state_machine", arn=made["stateMachineArn"])


def test_what_is_there_and_well_has_no_faults(account: str) -> None:
    resources = [
        make_function("well"),
        make_state_machine("well"),
        *make_alarms(*(f"quiet-{number:03}" for number in range(101)), state="OK"),
        *make_alarms("nothing-seen-yet", state="INSUFFICIENT_DATA"),
        {"type": "aws_iam_policy_document", "change": {"actions": ["read"], "before": None}},
    ]
    assert list(faults(resources, session())) == []


def test_what_is_missing_or_rings_is_named(account: str) -> None:
    gone = "arn:aws:states:us-east-1:123456789012:stateMachine:gone"
    resources = [
        there("aws_lambda_alias", function_name="gone", name="live"),
        there("aws_sfn_state_machine", arn=gone),
        *make_alarms("ringing", state="ALARM"),
        there("aws_cloudwatch_metric_alarm", alarm_name="gone"),
    ]
    found = list(faults(resources, session()))
    for one, words in zip(
        found,
        [
            "the function gone cannot be had by live",
            f"the state machine {gone} cannot be had",
            "the alarm gone is missing",
            "the alarm ringing rings: the test says so",
        ],
        strict=True,
    ):
        assert one.startswith(words)


def test_a_function_that_is_broken_is_named_with_the_reason(
    account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alias = make_function("broken")

    def broken(answer: dict[str, object]) -> dict[str, object]:
        return answer | {
            "State": "Failed",
            "StateReason": "its key is gone",
            "LastUpdateStatus": "InProgress",
        }

    fault = Fault(always, mutate_json(broken))
    with FaultProxy(account, [fault]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        assert list(faults([alias], session())) == [
            "the function broken is Failed: its key is gone",
            "the last change of the function broken is InProgress: no reason",
        ]


def test_who_has_not_confirmed_is_told() -> None:
    subscription = "aws_sns_topic_subscription"
    assert unconfirmed(
        [
            there(subscription, endpoint="b@example.org", pending_confirmation=True),
            there(subscription, endpoint="c@example.org", pending_confirmation=False),
            there("aws_sns_topic", name="any"),
        ]
    ) == ["b@example.org"]
