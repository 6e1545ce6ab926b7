"""The local stand-in, compared with responses of real Patchwork servers for the same mails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from patch_tracker_testing.sample_mails import read_json, read_mails

from run_local.patch_tracker.patchwork_server import PatchworkServer

RECORDED = ["patchwork-api-2.2.6", "patchwork-api"]

LISTS = ["patches-p1", "patches-p2", "series-p1", "covers-p1", "projects", "events-p1"]


@pytest.fixture(scope="module")
def server() -> Iterator[PatchworkServer]:
    with PatchworkServer("linux-hwmon", read_mails("sample.mbox.gz")) as running:
        yield running


def ask(server: PatchworkServer, path: str) -> requests.Response:
    return requests.get(server.url + re.sub(r"/api/1\.\d/", "/api/1.2/", path), timeout=30)


def shape(value: Any) -> object:  # noqa: ANN401 - any JSON
    """Return the type of a value; for an object, its fields in order with their types."""
    if isinstance(value, dict):
        return [(name, shape(member)) for name, member in value.items()]
    if isinstance(value, list):
        return ["list", shape(value[0]) if value else None]
    return type(value).__name__


def shapes(rows: list[Any]) -> set[str]:
    """Return the shapes of rows. A null value counts as text."""
    return {repr(shape(row)).replace("'NoneType'", "'str'") for row in rows}


@pytest.mark.parametrize("recorded", RECORDED)
@pytest.mark.parametrize("name", LISTS)
def test_lists_match_a_real_server(server: PatchworkServer, recorded: str, name: str) -> None:
    real = read_json(f"{recorded}/{name}.json")
    answer = ask(server, real["request"])
    assert answer.status_code == real["status"]
    for header in ("Content-Type", "Vary", "Allow"):
        assert answer.headers[header] == real["headers"][header]
    ours, theirs = answer.json(), real["json"]
    if name == "events-p1":
        # API 1.3 also has events for comments.
        theirs = [row for row in theirs if "comment" not in row["category"]]
        for category in {row["category"] for row in theirs}:
            assert shapes([row for row in ours if row["category"] == category]) == shapes(
                [row for row in theirs if row["category"] == category]
            )
        return
    assert len(ours) == len(theirs)
    assert [list(row) for row in ours] == [list(row) for row in theirs]


@pytest.mark.parametrize("name", ["patches-p1", "patches-p2", "series-p1"])
def test_pages_match_a_real_server(server: PatchworkServer, name: str) -> None:
    real = read_json(f"patchwork-api-2.2.6/{name}.json")
    answer = ask(server, real["request"])
    expected = real["headers"].get("Link", "").replace("http://127.0.0.1:8088", server.url)
    assert answer.headers.get("Link", "") == expected
    past = ask(server, "/api/1.2/patches/?project=linux-hwmon&page=99")
    assert (past.status_code, past.json()) == (404, {"detail": "Invalid page."})


def test_patches_match_a_real_server(server: PatchworkServer) -> None:
    for name in ("patches-p1", "patches-p2"):
        real = read_json(f"patchwork-api-2.2.6/{name}.json")
        by_id = {row["msgid"]: row for row in ask(server, real["request"]).json()}
        for row in real["json"]:
            ours = by_id[row["msgid"]]
            for field in ("date", "name", "state", "archived", "check", "tags"):
                assert ours[field] == row[field], (field, row["msgid"])
            # Names can be null in both.
            compared = ours.keys() - {"series", "submitter"}
            assert {name: shape(ours[name]) for name in compared} == {
                name: shape(row[name]) for name in compared
            }
            assert ours["submitter"]["email"] == row["submitter"]["email"].lower()
            assert ours["series"][0]["version"] == row["series"][0]["version"]


def test_series_match_a_real_server(server: PatchworkServer) -> None:
    real = read_json("patchwork-api-2.2.6/series-p1.json")

    def facts(row: dict[str, Any]) -> tuple[Any, ...]:
        names = sorted(patch["msgid"] for patch in row["patches"])
        counts = (row["version"], row["total"], row["received_total"], row["received_all"])
        return (names, counts, row["cover_letter"] is not None)

    ours = ask(server, real["request"]).json()
    assert sorted(map(facts, ours)) == sorted(map(facts, real["json"]))


def test_the_detail_of_a_patch_matches_a_real_server(server: PatchworkServer) -> None:
    real = read_json("patchwork-api-2.2.6/patch-42.json")
    rows = ask(server, "/api/1.2/patches/?project=linux-hwmon&per_page=250").json()
    (number,) = [row["id"] for row in rows if row["msgid"] == real["json"]["msgid"]]
    ours = ask(server, f"/api/1.2/patches/{number}/").json()
    assert list(ours) == list(real["json"])
    assert ours["prefixes"] == real["json"]["prefixes"]
    assert ours["headers"].keys() == real["json"]["headers"].keys()
    assert ours["diff"].split() == real["json"]["diff"].split()


def test_refused_requests_match_a_real_server(server: PatchworkServer) -> None:
    real = read_json("patchwork-api-2.2.6/people-p1.json")
    answer = ask(server, real["request"])
    assert (answer.status_code, answer.json()) == (real["status"], real["json"])


def test_unknown_filters_return_nothing_and_unknown_numbers_404(server: PatchworkServer) -> None:
    for query in ("project=unknown", "since=nonsense"):
        answer = ask(server, f"/api/1.2/patches/?{query}")
        assert (answer.status_code, answer.json()) == (200, [])
    assert ask(server, "/api/1.2/projects/unknown/").status_code == 404
    assert ask(server, "/api/1.2/patches/99999/").status_code == 404
