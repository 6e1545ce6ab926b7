"""Bringing the tables up to date with both sources, so that a second run finds nothing to do."""
