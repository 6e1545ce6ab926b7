"""Write the report as JSON, CSV, Excel workbook and summary, and publish the files."""
