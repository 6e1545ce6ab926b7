from __future__ import annotations

from aws_ssm_fetcher_testing.stage_functions import StageFunctionTests

from json_csv_generator_lambda import lambda_function

pytest_plugins = ["lambda_testing.pytest_plugin"]


class TestJsonCsvGenerator(StageFunctionTests):
    function = lambda_function
    stage = "json_csv_generator"
    after = "processed-data"
    writes = "temp-reports/run-1/json_csv/manifest.json"
    elsewhere = ("feedparser", "openpyxl", "polars", "requests")
