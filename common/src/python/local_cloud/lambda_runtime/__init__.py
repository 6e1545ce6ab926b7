"""Runs packaged functions as Lambda does, each in a process of its own."""
