"""Starts what a schedule starts, in an account or in the local cloud, and waits until it ends."""
