"""Where the data is from: SSM public parameters, and the feed of region launches."""
