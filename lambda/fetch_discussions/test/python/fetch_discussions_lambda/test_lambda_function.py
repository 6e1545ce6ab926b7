from __future__ import annotations

import pytest
from patch_tracker_testing.functions import FunctionTests, World

from fetch_discussions_lambda import lambda_function
from patch_tracker.contracts import FetchDiscussionsRequest

pytest_plugins = ["lambda_testing.pytest_plugin"]


class TestFetchDiscussions(FunctionTests):
    function = lambda_function
    request_model = FetchDiscussionsRequest
    wrong = ("message_ids", "p")

    def test_it_stores_new_mails_once(self, world: World) -> None:
        tables, _ = world
        first = self.call({})
        assert (first["mails"], first["new"]) == (3, 3)
        assert tables.patches.by_message_id("p").reply_count == 1
        again = self.call({})
        assert (again["new"], again["requests"], again["writes"]) == (0, 1, 0)

    @pytest.mark.usefixtures("world")
    def test_it_accepts_the_result_of_fetch_patches_from_a_destination(self) -> None:
        event = self.events["destination.json"]
        event["responsePayload"] |= {"message_ids": ["p", "unknown"]}
        found = self.call(event)
        assert (found["new"], found["threads"], found["not_found"]) == (3, 1, ["unknown"])
