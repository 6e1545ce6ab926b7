"""Client for Patchwork's REST API."""
