"""A stand-in for AWS on this machine's loopback, for demonstrations and tests."""
