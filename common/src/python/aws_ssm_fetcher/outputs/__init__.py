"""Writers of the report: JSON, CSV, the Excel workbook and the summary, and their publication."""
