"""The function that stores every event file of a bucket as a row of a Parquet file, once."""
