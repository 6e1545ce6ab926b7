"""Runs packaged functions like Lambda does, each in its own process."""
