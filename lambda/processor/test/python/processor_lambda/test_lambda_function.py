from __future__ import annotations

from aws_ssm_fetcher_testing.stage_functions import StageFunctionTests

from processor_lambda import lambda_function

pytest_plugins = ["lambda_testing.pytest_plugin"]


class TestProcessor(StageFunctionTests):
    function = lambda_function
    stage = "processor"
    after = "raw-data"
    writes = "processed-data/run-1/report.json"
    elsewhere = ("feedparser", "openpyxl", "requests")
