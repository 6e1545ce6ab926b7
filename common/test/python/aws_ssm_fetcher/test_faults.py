"""Any fault between the report and its sources ends in a complete report or in an error.

The command line runs for real; its calls go through a proxy that breaks some of them on their way
to moto's server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aws_ssm_fetcher import cli
from aws_ssm_fetcher.outputs.files import SUMMARY_FILE
from command_line.command import COMPLETE, FAILED
from lambda_testing import fault_proxy as fault
from lambda_testing.fault_proxy import Fault, FaultProxy
from lambda_testing.moto_tree import moto_tree
from lambda_testing.static_server import Reply, repeated, static_server
from local_cloud.loopback_server import ReceivedRequest
from local_cloud.server import moto_server

type Answer = dict[str, Any]

ROOT = "/aws/service/global-infrastructure"
ONE_REGION = f"{ROOT}/regions/eu-west-3/services"
NO_FEED = "http://127.0.0.1:9/regions.rss"
REGIONS = frozenset({"ap-south-2", "cn-north-1", "eu-west-3", "us-east-1"})
"""The regions in the source here. All regions would take six times as long and fail the same way.
"""
PAIRS = sum(region in REGIONS for region, _ in moto_tree().region_pairs())


def of_few_regions(answer: Answer) -> Answer:
    return {
        **answer,
        "Parameters": [
            parameter for parameter in answer["Parameters"] if parameter["Value"] in REGIONS
        ],
    }


def path_of(request: ReceivedRequest) -> str:
    path = request.json.get("Path") if isinstance(request.json, dict) else None
    return path if isinstance(path, str) else ""


FEW_REGIONS = Fault(
    lambda request: path_of(request) == f"{ROOT}/regions", fault.mutate_json(of_few_regions)
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with moto_server() as server, FaultProxy(server, [FEW_REGIONS]) as proxy:
        yield proxy.url


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run the command line with an endpoint; return the exit code, and the summary or {}."""

    def _run(endpoint: str, *options: str) -> tuple[int, dict[str, Any]]:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        output = tmp_path / "output"
        code = cli.main(
            [
                "--output-dir",
                str(output),
                "--no-cache",
                "--no-zones",
                "--max-tps=100000",
                f"--rss-url={NO_FEED}",
                "--format=json",
                *options,
            ]
        )
        summary = output / SUMMARY_FILE
        if not summary.exists():
            assert list(output.iterdir()) == [], "nothing may be published by halves"
            return code, {}
        return code, json.loads(summary.read_text())

    return _run


@pytest.mark.parametrize(
    ("which", "action"),
    [
        pytest.param(fault.every(3), fault.throttling(), id="throttled"),
        pytest.param(
            fault.every(5, most_for_a_call=3), fault.internal_server_error(), id="status 500"
        ),
        pytest.param(fault.every(5, most_for_a_call=3), fault.reset_connection(), id="reset"),
        pytest.param(fault.every(5, most_for_a_call=3), fault.truncate(), id="truncated"),
    ],
)
def test_passing_faults_cost_nothing(
    upstream: str,
    run: Callable[..., tuple[int, dict[str, Any]]],
    which: fault.Matcher,
    action: fault.Action,
) -> None:
    with FaultProxy(upstream, [Fault(which, action)]) as proxy:
        code, summary = run(proxy.url)
    assert code == COMPLETE
    assert summary["statistics"]["regional_combinations"] == PAIRS
    assert proxy.outcomes[action.outcome] > 30
    told = summary["source_data"]["provenance"]["calls"]
    assert told == {name: proxy.calls[name] for name in ("GetParameters", "GetParametersByPath")}


def test_an_empty_page_with_a_token_is_not_the_end(
    upstream: str, run: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    def empty_first_page(answer: Answer) -> Answer:
        return {"Parameters": [], "NextToken": "0"} if answer["NextToken"] == "10" else answer

    seen: list[str | None] = []

    def first_page_of_one_region(request: ReceivedRequest) -> bool:
        body = request.json
        if not isinstance(body, dict) or body.get("Path") != ONE_REGION:
            return False
        token = body.get("NextToken")
        seen.append(token if isinstance(token, str) else None)
        return token is None

    faults = [Fault(first_page_of_one_region, fault.mutate_json(empty_first_page))]
    with FaultProxy(upstream, faults) as proxy:
        code, summary = run(proxy.url)
    assert seen[:3] == [None, "0", "10"]
    assert code == COMPLETE
    assert summary["statistics"]["regional_combinations"] == PAIRS


NOTHING = fault.mutate_json(lambda _: {"Parameters": []})


def test_an_empty_list_is_read_again(
    upstream: str, run: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    times = iter(range(1000))

    def first_of_one_region(request: ReceivedRequest) -> bool:
        return fault.on_path(ONE_REGION)(request) and next(times) == 0

    with FaultProxy(upstream, [Fault(first_of_one_region, NOTHING)]) as proxy:
        code, summary = run(proxy.url)
    assert code == COMPLETE
    assert summary["statistics"]["regional_combinations"] == PAIRS
    told = summary["source_data"]["provenance"]["calls"]
    assert told == {name: proxy.calls[name] for name in ("GetParameters", "GetParametersByPath")}
    assert not any("eu-west-3" in warning for warning in summary["warnings"])


def test_a_region_without_services_is_named(
    upstream: str,
    run: Callable[..., tuple[int, dict[str, Any]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    received: list[ReceivedRequest] = []

    def one_region(request: ReceivedRequest) -> bool:
        if found := fault.on_path(ONE_REGION)(request):
            received.append(request)
        return found

    with FaultProxy(upstream, [Fault(one_region, NOTHING)]) as proxy:
        _, summary = run(proxy.url)
    assert len(received) == 2
    assert 0 < summary["statistics"]["regional_combinations"] < PAIRS
    warning = "The source lists no services in 1 region: eu-west-3."
    assert warning in summary["warnings"]
    assert warning in capsys.readouterr().out


def same_token(answer: Answer) -> Answer:
    return {**answer, "NextToken": "10"}


def fresh_tokens_same_page() -> Callable[[Answer], Answer]:
    pages: list[Answer] = []

    def change(answer: Answer) -> Answer:
        pages.append(answer)
        return {**pages[0], "NextToken": str(1000 + len(pages))}

    return change


def fresh_tokens_empty_page() -> Callable[[Answer], Answer]:
    count = iter(range(1_000_000))
    return lambda _: {"Parameters": [], "NextToken": str(next(count))}


@pytest.mark.parametrize(
    ("action", "message"),
    [
        pytest.param(fault.access_denied(), "AccessDenied", id="access denied"),
        pytest.param(fault.mutate_json(same_token), "endless list of pages", id="same token"),
        pytest.param(
            fault.mutate_json(fresh_tokens_same_page()), "again and again", id="same page"
        ),
        pytest.param(
            fault.mutate_json(fresh_tokens_empty_page()), "endless list of pages", id="empty pages"
        ),
        pytest.param(fault.internal_server_error(), "InternalServerError", id="lasting 500"),
        pytest.param(fault.reset_connection(), "onnection", id="lasting reset"),
        pytest.param(
            fault.mutate_json(
                lambda answer: {
                    "Parameters": [{**entry, "Name": "/else"} for entry in answer["Parameters"]]
                }
            ),
            "not directly below",
            id="foreign parameter",
        ),
        pytest.param(fault.mutate_json(lambda _: {}), "no list of parameters", id="no list"),
        pytest.param(
            fault.mutate_json(lambda _: {"Parameters": [{"Name": f"{ONE_REGION}/s3"}]}),
            "no list of parameters",
            id="no value",
        ),
        pytest.param(
            fault.mutate_json(lambda _: {"Parameters": [{"Value": "s3"}]}),
            "no list of parameters",
            id="no name",
        ),
        pytest.param(fault.mutate(lambda _: b"<html>Sign in</html>"), "is not JSON", id="page"),
    ],
)
def test_one_region_that_cannot_be_read_fails_the_report(
    upstream: str,
    run: Callable[..., tuple[int, dict[str, Any]]],
    capsys: pytest.CaptureFixture[str],
    action: fault.Action,
    message: str,
) -> None:
    with FaultProxy(upstream, [Fault(fault.on_path(ONE_REGION), action)]) as proxy:
        code, summary = run(proxy.url)
    assert (code, summary) == (FAILED, {})
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("aws-ssm-fetcher: failed: ")
    assert ONE_REGION in error
    assert message in error


def test_names_that_the_source_keeps_quiet_about_fail_the_report(
    upstream: str,
    run: Callable[..., tuple[int, dict[str, Any]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    drop_one = fault.mutate_json(lambda answer: {**answer, "Parameters": answer["Parameters"][1:]})
    with FaultProxy(upstream, [Fault(fault.on_operation("GetParameters"), drop_one)]) as proxy:
        code, summary = run(proxy.url)
    assert (code, summary) == (FAILED, {})
    assert "the response of SSM in us-east-1 does not mention" in capsys.readouterr().err


@pytest.mark.parametrize("empty", ["regions", "services", "regions/"])
def test_an_empty_tree_is_an_error(
    upstream: str,
    run: Callable[..., tuple[int, dict[str, Any]]],
    capsys: pytest.CaptureFixture[str],
    empty: str,
) -> None:
    def lists_it(request: ReceivedRequest) -> bool:
        path = path_of(request)
        return path == f"{ROOT}/{empty}" or (empty.endswith("/") and f"/{empty}" in path)

    with FaultProxy(upstream, [Fault(lists_it, NOTHING)]) as proxy:
        code, summary = run(proxy.url)
    assert (code, summary) == (FAILED, {})
    assert "SSM lists no" in capsys.readouterr().err


ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(
        b'<!ENTITY %c "%b">' % (98 + level, b"&%c;" % (97 + level) * 10) for level in range(9)
    )
    + b"]><rss version='2.0'><channel><title>&j;</title></channel></rss>"
)
FEED = b"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"><channel><title>Regions</title>
<item><title>Europe (Paris) - eu-west-3</title>
<pubDate>Mon, 18 Dec 2017 00:00:00 GMT</pubDate></item>
</channel></rss>"""


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        pytest.param(Reply(body=FEED[:190]), "regions.rss", id="truncated feed"),
        pytest.param(
            Reply(body=FEED, content_length=len(FEED) + 100), "regions.rss", id="cut connection"
        ),
        pytest.param(Reply(body=repeated(b"<item/>", 50_000_000)), "regions.rss", id="50 MB"),
        pytest.param(Reply(body=ENTITIES), "regions.rss", id="entity expansion"),
        pytest.param(
            Reply(body=FEED.replace(b"Mon,", b"Mon" + b" " * 1_000_000 + b"x")),
            "no readable date",
            id="date of a million spaces",
        ),
        pytest.param(
            Reply(status=503, headers={"Retry-After": "Mon, 01 Jan 2024 00:00:00 +" + "9" * 20}),
            "503",
            id="pause that is not a number",
        ),
        pytest.param(Reply(status=404), "404", id="not found"),
        pytest.param(Reply(body=b"<html><body>Sign in</body></html>"), "regions.rss", id="page"),
    ],
)
def test_a_broken_feed_costs_the_launch_dates_only(
    upstream: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
    reply: Reply,
    reason: str,
) -> None:
    # These tests share the cache, because only the feed differs, not the catalog.
    folder = tmp_path_factory.getbasetemp() / "shared-cache"
    output = tmp_path_factory.mktemp("output")
    monkeypatch.setenv("AWS_ENDPOINT_URL", upstream)
    with static_server(reply) as feed:
        code = cli.main(
            [
                f"--output-dir={output}",
                f"--cache-dir={folder}",
                "--no-zones",
                "--max-tps=100000",
                f"--rss-url={feed.url}/regions.rss",
            ]
        )
        assert feed.bytes_sent < 20_000_000
    assert code == COMPLETE
    summary = json.loads((output / SUMMARY_FILE).read_text())
    assert summary["statistics"]["regional_combinations"] == PAIRS
    [part] = [
        part for part in summary["source_data"]["completeness"] if part["name"] == "launch dates"
    ]
    assert part["received"] == 0
    assert part["failed"]
    assert any(reason in warning for warning in summary["warnings"])
    assert reason in capsys.readouterr().out
