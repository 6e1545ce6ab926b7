from __future__ import annotations

from aws_ssm_fetcher_testing.stage_functions import StageFunctionTests

from excel_generator_lambda import lambda_function

pytest_plugins = ["lambda_testing.pytest_plugin"]


class TestExcelGenerator(StageFunctionTests):
    function = lambda_function
    stage = "excel_generator"
    after = "processed-data"
    writes = "temp-reports/run-1/excel/aws_regions_services.xlsx"
    elsewhere = ("feedparser", "polars", "requests")
