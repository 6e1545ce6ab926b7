"""Syncs both tables with their sources. A second run finds nothing to do."""
