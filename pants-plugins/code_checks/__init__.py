"""Linters and formatters that Pants 2.17 does not support, or supports only in old releases."""
