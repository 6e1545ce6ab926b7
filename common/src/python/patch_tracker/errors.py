"""What the tracker raises besides the errors of what it is built on."""

from __future__ import annotations

from lambda_core.errors import ApplicationError, DataSourceError
from lambda_core.http import HttpError


class OutageError(HttpError):
    """A server answered with a page for people where it should have sent data.

    Such a page comes with status 200 where a gate of the proof-of-work kind, or a page about
    maintenance, stands before the server. It says nothing about whether there is new data, so it
    is never taken for none, and it is not tried again in the same run.
    """


class UnknownSourceError(DataSourceError):
    """The server has no such project or list: a setting is wrong, or it was renamed."""


class FormatError(DataSourceError):
    """A server answered what its documentation does not have."""


class PartialSyncError(ApplicationError):
    """A part of what a run had to do failed; the rest is stored, and the cursor did not move."""


class BusyError(ApplicationError):
    """Another run is writing; this one wrote nothing."""

    transient = True
