"""The sources of the data: SSM public parameters, and the feed of region launches."""
