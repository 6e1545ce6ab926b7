"""All formats of a report in one call."""

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
        Where a file cannot be written, in one line that says what to do.
    """
    files: list[ReportFile] = []
    with writing_into(folder):
        if ReportFormat.JSON in formats:
            files.extend(write_json(report, folder))
        if ReportFormat.CSV in formats:
            files.extend(write_csv(report, folder))
        if ReportFormat.EXCEL in formats:
            # Imported here, because openpyxl takes longer to import than all else to write.
            from aws_ssm_fetcher.outputs.excel_writer import write_excel

            files.append(write_excel(report, folder))
    return tuple(files)
