"""Helpers for tests: a local AWS server, servers that fail on purpose, fixtures. Never packaged."""
