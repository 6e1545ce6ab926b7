"""From a catalog to a report: mapping, statistics, validation, tables. Needs Polars."""
