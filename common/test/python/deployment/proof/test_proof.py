from __future__ import annotations

from pathlib import Path

from deployment.proof.proof import log_settings, provider_log
from deployment.stacks import Stack


def test_the_log_of_an_earlier_run_is_deleted(tmp_path: Path) -> None:
    stack = Stack(tmp_path, "region_report", "dev")
    for _ in range(2):
        settings = log_settings(stack)
        log = Path(settings["TF_LOG_PATH"])
        assert log == provider_log(stack)
        assert not log.exists()
        log.write_text("of this run")
