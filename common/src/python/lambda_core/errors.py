"""Errors that applications raise, written for the person who has to act on them.

An `ApplicationError` has a message on one line (what failed, where, and what to do), a context of
JSON values for the log, and `transient`: whether the same call may succeed later.

This is the hierarchy of all errors of the project. Classes without a module are defined here.
Classes whose name begins with an underscore never leave their module and are not shown.

    Exception: Python's base class
      ApplicationError: base of every error that an application raises on purpose
        InvalidEventError: the event of a function is not valid
        ConfigurationError: a setting is wrong
          UsageError: a command or its input is wrong
        CircuitOpenError: a call was rejected because the service behind it keeps failing
        ProcessingError: data was read but could not be processed
        ReportError: a report could not be created or written
        DataSourceError: a source of data could not be read
          HttpError (lambda_core.http): an HTTP request failed
            HttpStatusError (lambda_core.http): the status of the response is an error
            ResponseTooLargeError (lambda_core.http): the response is larger than allowed
            TruncatedResponseError (lambda_core.http): the response ended early or is damaged
            HttpTimeoutError (lambda_core.http): no complete response in time
            HttpUnreachableError (lambda_core.http): no connection, or not an HTTP server
            OutageError (patch_tracker.errors): a page for people instead of data
          S3Error (lambda_core.s3): S3 rejected a request or failed
            ObjectNotFoundError (lambda_core.s3): the object does not exist
            PreconditionFailedError (lambda_core.s3): another writer changed the object first
            WriteUnknownError (lambda_core.s3): the result of a conditional write is unknown
            DeleteError (lambda_core.s3): some objects could not be deleted
            TransientStorageError (aws_ssm_fetcher.stages.errors): S3 failed, a retry may help
          TransientDataSourceError (aws_ssm_fetcher.stages.errors): a retry may help
          UnknownSourceError (patch_tracker.errors): the server has no such project or list
          FormatError (patch_tracker.errors): a response differs from the server's documentation
          MailboxError (patch_tracker.mail.mbox): an mbox is damaged or too large
        UncacheableError (aws_ssm_fetcher.core.cache): the cache cannot store a value; a TypeError
        CacheError (aws_ssm_fetcher.core.cache): a part of the cache cannot be read or cleared
        CheckpointError (event_log.errors): a checkpoint could not be read or written
          DamagedCheckpointError (event_log.errors): the file is not a checkpoint
          CheckpointConflictError (event_log.errors): another writer changed the checkpoint
          AdoptionError (event_log.errors): a checkpoint without source columns cannot be adopted
        RunFailedError (event_log.errors): a checkpoint run failed; the message is the response
        PartialSyncError (patch_tracker.errors): a part of a sync failed
        BusyError (patch_tracker.errors): another sync is running
        DatabaseError (patch_tracker.repositories.errors): DynamoDB rejected a request or failed
          ItemNotFoundError (patch_tracker.repositories.errors): the item does not exist
          ConditionFailedError (patch_tracker.repositories.errors): another writer was first
        InvalidTokenError (patch_tracker.repositories.errors): a pagination token is not valid
        InvocationError (triggers.errors): a started execution or invocation failed
        ArtefactError (artefacts.errors): base of the errors about packages
          ArtefactMissingError (artefacts.errors): a package has not been built
          PackagingError (artefacts.errors): Pants could not build the packages
        LocalCloudError (local_cloud.errors): base of the errors of the local cloud
          ServerError (local_cloud.errors): the server did not start
          RuntimeMissingError (local_cloud.errors): no packages of the Lambda runtime
          ExecutionError (local_cloud.errors): a function or an execution failed
        DeploymentError (deployment.errors): a stack cannot be deployed or verified
          TerraformError (deployment.errors): Terraform failed
      FetchCancelledError (aws_ssm_fetcher.data_sources.parameter_tree): the owner stopped a fetch
      ThrottledError (local_cloud.lambda_runtime.lambda_service): too many concurrent invocations
      UpstreamError (lambda_testing.fault_proxy): the server behind the test proxy failed
    ValueError: Python's error for a bad value; arguments out of range raise it directly
      RejectedError (event_log.event_file): a file is not a valid event; counted, not a failure
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

type JsonValue = str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None


def _to_json(value: object) -> JsonValue:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, dict):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, set | frozenset):
        return [*sorted(str(item) for item in value)]
    return str(value)


class ApplicationError(Exception):
    """Base class of every error that an application raises on purpose.

    Parameters
    ----------
    message
        What failed, where, and what to do.
    context
        Details for the log. Values that are not JSON become text.

    Attributes
    ----------
    transient : bool
        Whether the same call may succeed later. The class sets the default; an instance may
        override it.
    """

    transient: bool = False

    def __init__(self, message: str, **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.context: dict[str, JsonValue] = {
            name: _to_json(value) for name, value in context.items()
        }

    def __str__(self) -> str:
        """Return the message on one line."""
        return " ".join(self.message.split())


class InvalidEventError(ApplicationError):
    """The event of a function is not valid. Sending it again cannot help."""


class ConfigurationError(ApplicationError):
    """A setting is wrong. Only its owner can correct it."""


class UsageError(ConfigurationError):
    """A command or its input is wrong. The message shows the correct usage."""


class DataSourceError(ApplicationError):
    """A source of data could not be read."""


class ProcessingError(ApplicationError):
    """Data was read but could not be processed."""


class ReportError(ApplicationError):
    """A report could not be created or written."""


class CircuitOpenError(ApplicationError):
    """A call was rejected without being made, because the service behind it keeps failing.

    It is not transient, because an immediate retry would be rejected too. Its context has
    `service` and `retry_in_seconds`.
    """


def cause_chain(error: BaseException) -> Iterator[BaseException]:
    """Yield `error`, its cause, the cause of that, and so on.

    Follows `__cause__`, and `__context__` unless `raise … from None` suppressed it.

    Examples
    --------
    >>> try:
    ...     try:
    ...         int("39 regions")
    ...     except ValueError as error:
    ...         raise DataSourceError("the count is not a number") from error
    ... except DataSourceError as error:
    ...     print([type(cause).__name__ for cause in cause_chain(error)])
    ['DataSourceError', 'ValueError']
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        implicit = None if current.__suppress_context__ else current.__context__
        current = current.__cause__ or implicit


def describe_error(error: BaseException) -> list[dict[str, Any]]:
    """Return an error and its causes as JSON values.

    Returns
    -------
    list of dict
        The error first. Each entry has `type` and `message`, and `context` and `notes` if they are
        not empty.
    """
    described = []
    for cause in cause_chain(error):
        entry: dict[str, Any] = {"type": type(cause).__name__, "message": str(cause)}
        if isinstance(cause, ApplicationError) and cause.context:
            entry["context"] = cause.context
        if notes := getattr(cause, "__notes__", None):
            entry["notes"] = [str(note) for note in notes]
        described.append(entry)
    return described
