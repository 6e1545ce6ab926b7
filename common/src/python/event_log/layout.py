"""The keys of checkpoints: one for all events, or one for each study and datatype."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote, unquote

from event_log.models import DATATYPES
from lambda_core.errors import InvalidEventError
from lambda_core.s3 import require_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambda_core.s3 import S3Objects

_FIELDS: Final = {
    "study": r"[A-Za-z0-9_%-]+",
    "datatype": "|".join(re.escape(name) for name in DATATYPES),
}
"""The placeholders of a template, and the pattern that each one matches in a key."""

_SUFFIX: Final = ".parquet"

_UNSAFE_IN_QUOTE: Final = re.compile(r"^_|[.~]")
"""What to encode in addition to `quote`; query engines ignore names that begin with `_` or `.`."""


@dataclass(frozen=True, slots=True)
class Group:
    """The study and datatype whose events share a checkpoint."""

    study: str
    datatype: str


def sidecar_key(checkpoint: str, name: str) -> str:
    """Return the key of a file next to a checkpoint that query engines ignore.

    Athena, Spark and Hive read every file under a table's location unless its name begins with an
    underscore or a dot (https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html).

    Examples
    --------
    >>> sidecar_key("event-log/events.parquet", "rejected")
    'event-log/_events.rejected.parquet'
    """
    folder, slash, file = checkpoint.rpartition("/")
    return f"{folder}{slash}_{file.removesuffix(_SUFFIX)}.{name}{_SUFFIX}"


class Layout(Protocol):
    """Maps events to checkpoints."""

    def key_of(self, group: Group) -> str:
        """Return the key of the group's checkpoint.

        Raises
        ------
        ValueError
            The group's names do not fit in a key.
        """
        ...

    def group_of(self, key: str) -> Group | None:
        """Return the group whose checkpoint has this key, or None if there is none."""
        ...

    def existing(self, objects: S3Objects) -> Iterator[str]:
        """Yield the keys of checkpoints that exist or may exist."""
        ...

    def sidecar(self, name: str) -> str:
        """Return the key of a file that belongs to all checkpoints of the layout."""
        ...


@dataclass(frozen=True)
class OneCheckpoint:
    """All events in one checkpoint."""

    key: str

    def __post_init__(self) -> None:
        """Check the key."""
        _require(self.key)

    def __str__(self) -> str:
        """Return the key."""
        return self.key

    def key_of(self, group: Group) -> str:
        """Return the key, which is the same for all groups."""
        del group
        return self.key

    def group_of(self, key: str) -> None:
        """Return None, because there are no groups."""
        del key

    def existing(self, objects: S3Objects) -> Iterator[str]:
        """Yield the key, whether or not the object exists."""
        del objects
        yield self.key

    def sidecar(self, name: str) -> str:
        """Return `_events.rejected.parquet` for `events.parquet`."""
        return sidecar_key(self.key, name)


@dataclass(frozen=True)
class GroupedCheckpoints:
    """A checkpoint for each study and datatype, with a key template.

    The template contains `{study}` and `{datatype}` once each. Both are percent-encoded in the
    key, so that even a study named `../../evil` gets its own key under the template's prefix.

    Examples
    --------
    >>> layout = GroupedCheckpoints("log/{study}/{datatype}.parquet")
    >>> layout.key_of(Group("../evil", "form"))
    'log/%2E%2E%2Fevil/form.parquet'
    >>> layout.group_of("log/%2E%2E%2Fevil/form.parquet")
    Group(study='../evil', datatype='form')
    """

    template: str

    def __post_init__(self) -> None:
        """Check the template."""
        if any(self.template.count(f"{{{name}}}") != 1 for name in _FIELDS):
            raise InvalidEventError(
                f"the checkpoint key template is {self.template!r}: it must contain {{study}} and "
                "{datatype} once each"
            )
        _require(self._filled("study", "form"))

    def __str__(self) -> str:
        """Return the template."""
        return self.template

    def key_of(self, group: Group) -> str:
        """Return the template with the encoded names of the group."""
        return require_key(self._filled(_encoded(group.study), _encoded(group.datatype)))

    def group_of(self, key: str) -> Group | None:
        """Return the group for which `key_of` returns this key, if any."""
        found = self._pattern.fullmatch(key)
        if not found:
            return None
        group = Group(unquote(found["study"]), unquote(found["datatype"]))
        return (
            group if self._filled(_encoded(group.study), _encoded(group.datatype)) == key else None
        )

    def existing(self, objects: S3Objects) -> Iterator[str]:
        """Yield the key of each existing checkpoint."""
        for listed in objects.list(self.template.partition("{")[0]):
            if self.group_of(listed.key):
                yield listed.key

    def sidecar(self, name: str) -> str:
        """Return a key that differs from that of every group."""
        return sidecar_key(self._filled("_all", "_all"), name)

    def _filled(self, study: str, datatype: str) -> str:
        return self.template.replace("{study}", study).replace("{datatype}", datatype)

    @property
    def _pattern(self) -> re.Pattern[str]:
        pattern = re.escape(self.template)
        for name, allowed in _FIELDS.items():
            pattern = pattern.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>{allowed})")
        return re.compile(pattern)


def _encoded(name: str) -> str:
    """Percent-encode everything except letters, digits, `-`, and `_` (unless it comes first)."""
    return _UNSAFE_IN_QUOTE.sub(lambda found: f"%{ord(found[0]):02X}", quote(name, safe=""))


def _require(key: str) -> None:
    try:
        require_key(key)
    except ValueError as error:
        raise InvalidEventError(f"the checkpoint key: {error}") from error
