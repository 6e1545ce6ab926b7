"""Which AWS service is in which region: fetched, analysed, checked and reported."""

__version__ = "0.1.0"
