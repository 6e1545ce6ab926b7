"""The function `data_fetcher` of the region report."""
