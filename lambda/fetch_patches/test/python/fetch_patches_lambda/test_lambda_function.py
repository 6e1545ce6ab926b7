from __future__ import annotations

from patch_tracker_testing.functions import FunctionTests, World

from fetch_patches_lambda import lambda_function
from patch_tracker.contracts import FetchPatchesRequest

pytest_plugins = ["lambda_testing.pytest_plugin"]


class TestFetchPatches(FunctionTests):
    function = lambda_function
    request_model = FetchPatchesRequest
    wrong = ("mode", "everything")

    def test_it_stores_changes_once(self, world: World) -> None:
        tables, sources = world
        first = self.call({})
        assert (first["mode"], first["written"], first["message_ids"]) == ("changes", 1, ["p"])
        assert tables.patches.by_message_id("p").status == "new"
        again = self.call({})
        assert (again["events"], again["requests"], again["writes"]) == (0, 1, 0)
        sources.patchwork.set_state("p", "under-review", event=False)
        assert self.call({"mode": "refresh"})["written"] == 1
        sources.patchwork.set_state("p", "accepted")
        assert self.call({"mode": "changes"})["written"] == 1
        assert tables.patches.by_message_id("p").status == "accepted"
