"""Settings, cache, logging and error handling of the region report."""
