"""Write a report in several formats."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from aws_ssm_fetcher.outputs.csv_writer import write_csv
from aws_ssm_fetcher.outputs.files import ReportFile, ReportFormat
from aws_ssm_fetcher.outputs.json_writer import write_json
from aws_ssm_fetcher.report import Report
from command_line.output_folder import writing_into


def write_reports(
    report: Report, formats: Collection[ReportFormat], folder: Path
) -> tuple[ReportFile, ...]:
    """Write the report in the given formats into an existing folder, such as a staging folder.

    Raises
    ------
    ReportError
        If a file cannot be written; the message says what to do.
    """
    files: list[ReportFile] = []
    with writing_into(folder):
        if ReportFormat.JSON in formats:
            files.extend(write_json(report, folder))
        if ReportFormat.CSV in formats:
            files.extend(write_csv(report, folder))
        if ReportFormat.EXCEL in formats:
            # Imported here, because importing openpyxl takes longer than writing the other formats.
            from aws_ssm_fetcher.outputs.excel_writer import write_excel

            files.append(write_excel(report, folder))
    return tuple(files)
