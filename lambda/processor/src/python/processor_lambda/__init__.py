"""The function `processor` of the region report."""
