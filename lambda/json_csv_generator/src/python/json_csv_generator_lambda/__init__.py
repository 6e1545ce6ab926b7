"""The function `json_csv_generator` of the region report."""
