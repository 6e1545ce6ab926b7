"""Linters and formatters that Pants 2.17 has not, or has only for releases of long ago."""
