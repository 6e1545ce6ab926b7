"""Patchwork's REST API."""
