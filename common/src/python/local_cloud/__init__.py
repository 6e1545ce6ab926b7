"""A stand-in for AWS on this machine's loopback interface, for demonstrations and tests."""
