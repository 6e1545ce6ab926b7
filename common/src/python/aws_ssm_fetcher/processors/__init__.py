"""Compute a report from a catalog: frames, statistics, validation, tables. Needs Polars."""
