"""The event log in the local cloud."""
