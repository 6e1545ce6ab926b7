"""Targets for AWS Lambda for Pants 2.17, with the names of Pants 2.18 and later."""
