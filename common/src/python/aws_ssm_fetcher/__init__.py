"""The region and service report: which AWS services are available in which regions."""

__version__ = "0.1.0"
