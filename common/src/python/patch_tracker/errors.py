"""Errors of the tracker, in addition to those of `lambda_core`."""

from __future__ import annotations

from lambda_core.errors import ApplicationError, DataSourceError
from lambda_core.http import HttpError


class OutageError(HttpError):
    """A server returned an HTML page instead of data.

    Proof-of-work gates and maintenance pages have status 200. Such a page says nothing
    about new data, so it never counts as "no data", and the request is not repeated in the same
    run.
    """


class UnknownSourceError(DataSourceError):
    """The server does not know the project or list: a setting is wrong, or it was renamed."""


class FormatError(DataSourceError):
    """A server's response does not match its documentation."""


class PartialSyncError(ApplicationError):
    """A part of a run failed. The rest is stored, and the cursor did not move."""


class BusyError(ApplicationError):
    """Another run is writing. This run wrote nothing."""

    transient = True
