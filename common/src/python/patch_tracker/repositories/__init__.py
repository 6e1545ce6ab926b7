"""Stores patches and discussions in DynamoDB, and finds them."""
