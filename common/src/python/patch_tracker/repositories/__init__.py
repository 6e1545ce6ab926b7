"""Patches and discussions in DynamoDB: every way to find them, and how they are written."""
