"""Where the interpreter for functions comes from, and what one is told where there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local_cloud.errors import RuntimeMissingError
from local_cloud.lambda_runtime.runtime_environment import VARIABLE, lambda_runtime_python


def test_the_variable_names_it() -> None:
    assert lambda_runtime_python({VARIABLE: sys.executable}) == Path(sys.executable)


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeMissingError, match=f"{VARIABLE}=.*missing.*correct or unset"):
        lambda_runtime_python({VARIABLE: str(tmp_path / "missing")})
