"""The original script's name: `python aws_ssm_data_fetcher.py` creates the reports.

The code is in `aws_ssm_fetcher`. Existing scripts and `from aws_ssm_data_fetcher import
AWSSSMDataFetcher` continue to work.
"""

from __future__ import annotations

# Before the other imports, which take half a second in which Ctrl-C would print a traceback.
from command_line import interrupts

if __name__ == "__main__":
    interrupts.end_silently_on_ctrl_c()

from aws_ssm_fetcher.cli import main, run
from aws_ssm_fetcher.data_fetcher import AWSSSMDataFetcher

__all__ = ["AWSSSMDataFetcher", "main", "run"]


if __name__ == "__main__":
    run()
