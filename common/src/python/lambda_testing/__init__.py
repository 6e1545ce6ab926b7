"""Help for tests: AWS's stand-in, servers that fail on purpose, fixtures. Never packaged."""
