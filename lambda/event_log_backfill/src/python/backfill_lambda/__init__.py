"""The function that reads and merges the parts of a backfill of the event log."""
