"""What the environment and an event ask of the function."""

from __future__ import annotations

import datetime as dt
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from event_log.layout import GroupedCheckpoints, OneCheckpoint
from event_log.listing import ReadVersions
from lambda_core.contracts import parse_event
from lambda_core.errors import InvalidEventError
from lambda_core.settings import EnvironmentSettings


class CheckpointSettings(EnvironmentSettings):
    """What the environment sets; what an event may override says so.

    Attributes
    ----------
    source_bucket, checkpoint_bucket, bucket
        Where event files and checkpoints are; `bucket` stands for the one of the two that is not
        set. An event may override the first two.
    checkpoint_key, checkpoint_key_template, prefix
        Key of the one checkpoint, or template of the keys of all; what the event files lie below.
        The template counts where both are set. An event may override them.
    raise_on_error
        An answer of 400 or more is raised, so that Lambda knows of it.
    look_back_days
        List only files of the last days, by their names; all where it is not set.
    read_versions
        Whether versions that are not current are read too.
    max_event_bytes
        Larger objects are refused without being read.
    max_objects_per_run
        More are left to the next run.
    read_concurrency
        Objects that are read at the same time.
    """

    source_bucket: str | None = Field(default=None, description="a bucket's name")
    checkpoint_bucket: str | None = Field(default=None, description="a bucket's name")
    bucket: str | None = Field(default=None, description="a bucket's name")
    checkpoint_key: str | None = Field(default=None, description="an object's key")
    checkpoint_key_template: str | None = Field(
        default=None, description="an object's key with {study} and {datatype}"
    )
    prefix: str = ""
    raise_on_error: bool = Field(default=False, description="true or false")
    look_back_days: int | None = Field(default=None, ge=1, description="whole days, at least 1")
    read_versions: ReadVersions = Field(default=ReadVersions.AUTO, description="auto or never")
    max_event_bytes: int = Field(default=1024 * 1024, ge=1, le=2**30, description="bytes")
    max_objects_per_run: int = Field(default=1_000_000, ge=1, description="at least 1")
    read_concurrency: int = Field(default=50, ge=1, le=500, description="1 to 500")


class CheckpointRequest(BaseModel):
    """An event of the function; what it does not say, the environment does.

    Attributes
    ----------
    source_bucket, checkpoint_bucket, checkpoint_key, checkpoint_key_template, prefix
        See `CheckpointSettings`.
    rebuild
        Make the checkpoint anew from all event files; the old one is kept aside.
    retry_rejected
        Read refused files again.
    full
        List all files, whatever `look_back_days` says.
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

    @classmethod
    def parse(cls, event: dict[str, Any]) -> Self:
        """Read an event.

        Raises
        ------
        InvalidEventError
            A field is not what it should be.
        """
        return parse_event(cls, event)


class Assignment(BaseModel):
    """What a run is to do: event and environment as one.

    Attributes
    ----------
    source_bucket, prefix
        Where the event files are.
    checkpoint_bucket, layout
        Where the checkpoints are.
    since
        Only files whose names are of this day or later are listed; None lists all.
    rebuild, retry_rejected
        As in the event.
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
    def of(cls, request: CheckpointRequest, settings: CheckpointSettings, today: dt.date) -> Self:
        """Put both together.

        Raises
        ------
        InvalidEventError
            Something is not said by either.
        """
        source = request.source_bucket or settings.source_bucket or settings.bucket
        target = request.checkpoint_bucket or settings.checkpoint_bucket or settings.bucket
        missing = [
            name
            for name, value in {"source_bucket": source, "checkpoint_bucket": target}.items()
            if not value
        ]
        layout = _layout(request, settings)
        if layout is None:
            missing.append("checkpoint_key")
        if missing or not source or not target or not layout:
            raise InvalidEventError(
                f"neither the event nor the environment says {', '.join(missing)}: set it in the "
                f"event, or {', '.join(name.upper() for name in missing)}"
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
