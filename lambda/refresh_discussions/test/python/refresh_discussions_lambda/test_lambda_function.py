from __future__ import annotations

from patch_tracker_testing.functions import FunctionTests, World

from patch_tracker.contracts import RefreshDiscussionsRequest
from refresh_discussions_lambda import lambda_function

pytest_plugins = ["lambda_testing.pytest_plugin"]


class TestRefreshDiscussions(FunctionTests):
    function = lambda_function
    request_model = RefreshDiscussionsRequest
    wrong = ("days", 0)

    def test_it_stores_missing_mails(self, world: World) -> None:
        tables, _ = world
        first = self.call({"days": 3650})
        assert (first["mails"], first["new"]) == (3, 3)
        assert tables.discussions.by_message_id("r").target == "p"
        again = self.call({})
        assert (again["new"], again["writes"]) == (0, 0)
