"""Where the interpreter for functions comes from, and the error if it is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local_cloud.errors import RuntimeMissingError
from local_cloud.lambda_runtime.runtime_environment import VARIABLE, lambda_runtime_python


def test_the_variable_selects_the_interpreter() -> None:
    assert lambda_runtime_python({VARIABLE: sys.executable}) == Path(sys.executable)


def test_the_error_names_a_wrong_variable(tmp_path: Path) -> None:
    with pytest.raises(RuntimeMissingError, match=f"{VARIABLE}=.*missing.*correct or unset"):
        lambda_runtime_python({VARIABLE: str(tmp_path / "missing")})
