"""The function `excel_generator` of the region report."""
