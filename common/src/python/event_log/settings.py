"""Settings of the functions, the event of the checkpoint function, and how they combine."""

from __future__ import annotations

import datetime as dt
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from event_log.layout import GroupedCheckpoints, OneCheckpoint
from event_log.listing import ReadVersions
from event_log.reader import ReadLimits
from lambda_core.errors import InvalidEventError
from lambda_core.settings import EnvironmentSettings


class CheckpointSettings(EnvironmentSettings):
    """Settings from environment variables of the same names in upper case.

    Attributes
    ----------
    source_bucket, checkpoint_bucket, bucket
        Buckets of the event files and the checkpoints. `bucket` is used for each of them that is
        not set. An event may override the first two.
    checkpoint_key, checkpoint_key_template, prefix
        Key of the single checkpoint, or template for the keys of all groups; prefix of the event
        files. If both keys are set, the template is used. An event may override all three.
    raise_on_error
        Raise an error instead of returning a status of 400 or more, so that the invocation fails.
    look_back_days
        List only files of the last days, according to their names. If not set, list all files.
    read_versions
        Whether to read noncurrent versions.
    max_event_bytes
        Larger objects are rejected without being read.
    max_objects_per_run
        The rest is deferred to the next run.
    read_concurrency
        Objects read at the same time.
    """

    source_bucket: str | None = Field(default=None, description="the name of a bucket")
    checkpoint_bucket: str | None = Field(default=None, description="the name of a bucket")
    bucket: str | None = Field(default=None, description="the name of a bucket")
    checkpoint_key: str | None = Field(default=None, description="the key of an object")
    checkpoint_key_template: str | None = Field(
        default=None, description="the key of an object with {study} and {datatype}"
    )
    prefix: str = ""
    raise_on_error: bool = Field(default=False, description="true or false")
    look_back_days: int | None = Field(default=None, ge=1, description="whole days, at least 1")
    read_versions: ReadVersions = Field(default=ReadVersions.AUTO, description="auto or never")
    max_event_bytes: int = Field(default=1024 * 1024, ge=1, le=2**30, description="bytes")
    max_objects_per_run: int = Field(default=1_000_000, ge=1, description="at least 1")
    read_concurrency: int = Field(default=50, ge=1, le=500, description="1 to 500")

    def read_limits(self) -> ReadLimits:
        """Return the limits for reading event files."""
        return ReadLimits(event_bytes=self.max_event_bytes, concurrency=self.read_concurrency)


class CheckpointRequest(BaseModel):
    """The event of the checkpoint function. Missing fields are taken from the settings.

    Attributes
    ----------
    source_bucket, checkpoint_bucket, checkpoint_key, checkpoint_key_template, prefix
        See `CheckpointSettings`.
    rebuild
        Rewrite the checkpoint from all event files. The old one is backed up.
    retry_rejected
        Read rejected files again.
    full
        List all files, regardless of `look_back_days`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    source_bucket: str | None = None
    checkpoint_bucket: str | None = None
    checkpoint_key: str | None = None
    checkpoint_key_template: str | None = None
    prefix: str | None = None
    rebuild: bool = False
    retry_rejected: bool = False
    full: bool = False


class ResolvedRequest(BaseModel):
    """A request combined with the settings.

    Attributes
    ----------
    source_bucket, prefix
        Location of the event files.
    checkpoint_bucket, layout
        Location of the checkpoints.
    since
        List only files whose names contain this day or a later one; None lists all.
    rebuild, retry_rejected
        As in the request.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    source_bucket: str
    prefix: str
    checkpoint_bucket: str
    layout: OneCheckpoint | GroupedCheckpoints
    since: dt.date | None
    rebuild: bool
    retry_rejected: bool

    @classmethod
    def resolve(
        cls, request: CheckpointRequest, settings: CheckpointSettings, today: dt.date
    ) -> Self:
        """Combine a request with the settings.

        Raises
        ------
        InvalidEventError
            Neither sets a required value, or a key is not valid.
        """
        source = request.source_bucket or settings.source_bucket or settings.bucket
        target = request.checkpoint_bucket or settings.checkpoint_bucket or settings.bucket
        layout = _layout(request, settings)
        if not source or not target or layout is None:
            values = {"source_bucket": source, "checkpoint_bucket": target}
            missing = [name for name, value in values.items() if not value]
            missing += ["checkpoint_key"] if layout is None else []
            raise InvalidEventError(
                f"neither the event nor the environment sets {', '.join(missing)}: add it to the "
                f"event, or set {', '.join(name.upper() for name in missing)}"
            )
        limited = settings.look_back_days and not (request.full or request.rebuild)
        return cls(
            source_bucket=source,
            prefix=settings.prefix if request.prefix is None else request.prefix,
            checkpoint_bucket=target,
            layout=layout,
            since=today - dt.timedelta(days=settings.look_back_days or 0) if limited else None,
            rebuild=request.rebuild,
            retry_rejected=request.retry_rejected,
        )


def _layout(
    request: CheckpointRequest, settings: CheckpointSettings
) -> OneCheckpoint | GroupedCheckpoints | None:
    if request.checkpoint_key_template:
        return GroupedCheckpoints(request.checkpoint_key_template)
    if request.checkpoint_key:
        return OneCheckpoint(request.checkpoint_key)
    if settings.checkpoint_key_template:
        return GroupedCheckpoints(settings.checkpoint_key_template)
    if settings.checkpoint_key:
        return OneCheckpoint(settings.checkpoint_key)
    return None
