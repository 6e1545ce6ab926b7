from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from typing import Any, Literal

import boto3
import pytest

from deployment.verify import Client, examine
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


def heartbeat(name: str, hours: int) -> dict[str, Any]:
    """Make an alarm that rings because nothing has happened yet."""
    client = session().client("cloudwatch")
    stat = {"Metric": {"Namespace": "Any", "MetricName": "Any"}, "Period": 3600, "Stat": "Sum"}
    client.put_metric_alarm(
        AlarmName=name,
        ComparisonOperator="LessThanThreshold",
        EvaluationPeriods=hours,
        Threshold=1,
        TreatMissingData="breaching",
        Metrics=[
            {"Id": "each_hour", "Expression": "FILL(told, 0)", "ReturnData": True},
            {"Id": "told", "MetricStat": stat, "ReturnData": False},
        ],
    )
    client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="nothing happened")
    return there("aws_cloudwatch_metric_alarm", alarm_name=name)


def make_bucket(
    name: str,
    *,
    versions: Literal["Enabled", "Suspended"] = "Enabled",
    private: bool = True,
) -> dict[str, Any]:
    s3 = session().client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": versions})
    if private:
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
        )
    return there("aws_s3_bucket", bucket=name)


def make_table(name: str) -> dict[str, Any]:
    session().client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return there("aws_dynamodb_table", name=name)


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
        make_table("well"),
        make_bucket("well-and-there"),
        there("aws_scheduler_schedule", name="daily", state="ENABLED"),
        there("aws_sns_topic_subscription", endpoint="a@example.org", pending_confirmation=False),
        *make_alarms(*(f"quiet-{number:03}" for number in range(101)), state="OK"),
        *make_alarms("nothing-seen-yet", state="INSUFFICIENT_DATA"),
        {"type": "aws_iam_policy_document", "change": {"actions": ["read"], "before": None}},
    ]
    found = examine(resources, session())
    assert (found.faults, found.notes) == ([], [])
    assert found.table() == (
        "  functions         1  active, and had by their alias\n"
        "  state machines    1  active\n"
        "  tables            1  active, with their indexes\n"
        "  buckets           1  there, private, with versions\n"
        "  schedules         1  as they were deployed\n"
        "  subscriptions     1  there\n"
        "  alarms          102  there, and none rings"
    )


def test_what_is_missing_or_rings_is_named(account: str) -> None:
    gone = "arn:aws:states:us-east-1:123456789012:stateMachine:gone"
    resources = [
        there("aws_lambda_alias", function_name="gone", name="live"),
        there("aws_sfn_state_machine", arn=gone),
        there("aws_dynamodb_table", name="gone"),
        there("aws_s3_bucket", bucket="gone-for-good"),
        make_bucket("for-everybody", versions="Suspended", private=False),
        make_bucket("forgets", versions="Suspended"),
        *make_alarms("ringing", state="ALARM"),
        there("aws_cloudwatch_metric_alarm", alarm_name="gone"),
    ]
    found = examine(resources, session()).faults
    for one, words in zip(
        found,
        [
            "the function gone cannot be had by live",
            f"the state machine {gone} cannot be had",
            "the table gone cannot be had",
            "the bucket gone-for-good cannot be had",
            "the bucket for-everybody cannot be had, or is not private",
            "the bucket forgets keeps no versions",
            "the alarm gone is missing",
            "the alarm ringing rings: the test says so",
        ],
        strict=True,
    ):
        assert one.startswith(words)


def test_an_alarm_that_waits_for_a_first_run_is_no_fault(account: str) -> None:
    resources = [heartbeat("late", hours=26)]
    now = dt.datetime.now(dt.UTC)
    young = examine(resources, session(), now + dt.timedelta(hours=25))
    assert young.faults == []
    assert "the alarm late rings: nothing has happened since it was made or changed" in young.notes
    old = examine(resources, session(), now + dt.timedelta(hours=27))
    assert old.faults == ["the alarm late rings: nothing happened"]
    run = examine(resources, session(), now + dt.timedelta(hours=27), just_run=True)
    assert run.faults == []
    assert "the alarm late rings, and should end in an hour" in run.notes


def test_what_starts_nothing_and_tells_nobody_is_noted(account: str) -> None:
    resources = [
        there("aws_scheduler_schedule", name="daily", state="DISABLED"),
        *make_alarms("quiet", state="OK"),
    ]
    assert examine(resources, session()).notes == [
        "the schedule daily is off, and starts nothing",
        "nobody is told of alarms: set `alarm_email_addresses`",
    ]


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
        assert examine([alias], session()).faults == [
            "the function broken is Failed: its key is gone",
            "the last change of the function broken is InProgress: no reason",
        ]


def test_who_has_not_confirmed_is_told(account: str) -> None:
    subscription = "aws_sns_topic_subscription"
    resources = [
        there(subscription, endpoint="b@example.org", pending_confirmation=True),
        there(subscription, endpoint="c@example.org", pending_confirmation=False),
        there("aws_sns_topic", name="any"),
    ]
    assert examine(resources, session()).notes == [
        "b@example.org has not confirmed yet to be told of anything"
    ]
