from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from typing import Any, Literal

import boto3
import pytest

from deployment.errors import DeploymentError
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
    """Create an alarm that is active because nothing has run yet."""
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


def test_working_resources_have_no_problems(account: str) -> None:
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
    assert (found.problems, found.notes) == ([], [])
    found.require_healthy()
    assert found.table() == (
        "Resource        Number  Result\n"
        "--------------  ------  ---------------------------------------\n"
        "functions            1  OK: active, and callable by their alias\n"
        "state machines       1  OK: active\n"
        "tables               1  OK: active, with their indexes\n"
        "buckets              1  OK: private, and versioned\n"
        "schedules            1  OK: as configured\n"
        "subscriptions        1  OK: as configured\n"
        "alarms             102  OK: not active"
    )


def test_missing_resources_and_active_alarms_are_named(account: str) -> None:
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
    examination = examine(resources, session())
    found = examination.problems
    for problem, words in zip(
        found,
        [
            "the function gone cannot be read by its alias live",
            f"the state machine {gone} cannot be read",
            "the table gone cannot be read",
            "the bucket gone-for-good cannot be read",
            "the bucket for-everybody cannot be read, or is not private",
            "the bucket forgets is not versioned",
            "the alarm gone is missing",
            "the alarm ringing is active: the test says so",
        ],
        strict=True,
    ):
        assert problem.startswith(words)
    assert "\nbuckets              3  FAILED: 3 problems\n" in examination.table()
    with pytest.raises(
        DeploymentError,
        match=r"; the alarm gone is missing; the alarm ringing is active: the test says so$",
    ):
        examination.require_healthy()


def test_an_alarm_that_waits_for_a_first_run_is_not_a_problem(account: str) -> None:
    resources = [heartbeat("late", hours=26)]
    now = dt.datetime.now(dt.UTC)
    young = examine(resources, session(), now + dt.timedelta(hours=25))
    assert young.problems == []
    assert (
        "the alarm late is active: nothing has run since it was created or changed" in young.notes
    )
    old = examine(resources, session(), now + dt.timedelta(hours=27))
    assert old.problems == ["the alarm late is active: nothing happened"]
    run = examine(resources, session(), now + dt.timedelta(hours=27), just_run=True)
    assert run.problems == []
    assert "the alarm late is active, and should end within an hour" in run.notes


def test_disabled_schedules_and_missing_subscribers_are_noted(account: str) -> None:
    resources = [
        there("aws_scheduler_schedule", name="daily", state="DISABLED"),
        *make_alarms("quiet", state="OK"),
    ]
    assert examine(resources, session()).notes == [
        "the schedule daily is disabled and starts nothing",
        "nobody receives alarms; set `alarm_email_addresses`",
    ]


def test_a_broken_function_is_named_with_the_reason(
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
        assert examine([alias], session()).problems == [
            "the function broken is Failed: its key is gone",
            "the last update of the function broken is InProgress: AWS gives no reason",
        ]


def test_unconfirmed_subscriptions_are_noted(account: str) -> None:
    subscription = "aws_sns_topic_subscription"
    resources = [
        there(subscription, endpoint="b@example.org", pending_confirmation=True),
        there(subscription, endpoint="c@example.org", pending_confirmation=False),
        there("aws_sns_topic", name="any"),
    ]
    assert examine(resources, session()).notes == [
        "b@example.org receives no alarms until it confirms its subscription"
    ]
