"""Parsers for real mail, which often breaks the standards. They accept any bytes."""
