"""The repository's files: the packages that Pants builds, and the settings of functions."""
