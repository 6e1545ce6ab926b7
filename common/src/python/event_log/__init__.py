"""The event log: reads event files, and keeps a checkpoint of them."""
