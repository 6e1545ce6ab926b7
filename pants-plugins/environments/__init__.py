"""Lets Pants use the environments that `bin/pants` makes, instead of installing packages again."""
