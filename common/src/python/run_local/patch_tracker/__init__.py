"""The patch tracker in the local cloud, with servers for its sources."""
