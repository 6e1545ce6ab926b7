from __future__ import annotations

import pytest

from lambda_testing.fresh_interpreter import packages_after_import


def test_loaded_packages_are_returned() -> None:
    assert {"csv", "_csv"} <= packages_after_import("csv")
    assert "csv" not in packages_after_import("abc")


def test_blocked_packages_cannot_be_imported() -> None:
    with pytest.raises(AssertionError, match="_csv is not in this function's layers"):
        packages_after_import("csv", blocked=["_csv"])
    assert "csv" not in packages_after_import("abc", blocked=["csv"])
