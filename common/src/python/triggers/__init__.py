"""Starts the targets of schedules, in an AWS account or the local cloud, and waits for them."""
