"""The event log checkpoint: every event file of a bucket becomes a row of a parquet file, once."""
