"""Mail as it is, not as the standards wish: everything here reads any bytes without failing."""
