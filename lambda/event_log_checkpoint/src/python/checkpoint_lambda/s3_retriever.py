"""Read event files from S3. Re-exports `event_log.s3_retriever`."""

from __future__ import annotations

from event_log.s3_retriever import FileErrors, S3EventRetriever

__all__ = [
    "FileErrors",
    "S3EventRetriever",
]
