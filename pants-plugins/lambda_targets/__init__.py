"""Targets for AWS Lambda under the names of Pants 2.18 and later, for Pants 2.17."""
