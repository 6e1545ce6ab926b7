"""Where checkpoints lie: one for all events, or one for each study and datatype."""

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
"""What a template has, and how it looks in a key."""

_SUFFIX: Final = ".parquet"

_UNSAFE_IN_QUOTE: Final = re.compile(r"^_|[.~]")
"""What `quote` leaves as it is; query engines ignore names that begin with an underscore."""


@dataclass(frozen=True, slots=True)
class Group:
    """The study and the datatype whose events are in one checkpoint."""

    study: str
    datatype: str


def hidden_beside(checkpoint: str, name: str, suffix: str = _SUFFIX) -> str:
    """Return the key of a file beside a checkpoint that is no part of the table of events.

    Athena, Spark and Hive read all that lies below a table's location, but for names that begin
    with an underscore or a dot (https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html).
    """
    folder, slash, file = checkpoint.rpartition("/")
    return f"{folder}{slash}_{file.removesuffix(_SUFFIX)}.{name}{suffix}"


class Layout(Protocol):
    """Tells in which checkpoint an event belongs."""

    def key_of(self, group: Group) -> str:
        """Return the key of the checkpoint.

        Raises
        ------
        ValueError
            The group's names cannot be part of a key.
        """
        ...

    def group_of(self, key: str) -> Group | None:
        """Return the group whose checkpoint has this key; None where there are no groups."""
        ...

    def existing(self, objects: S3Objects) -> Iterator[str]:
        """Yield the keys at which there are, or may be, checkpoints."""
        ...

    def beside(self, name: str) -> str:
        """Return the key of a file that belongs to all checkpoints."""
        ...


@dataclass(frozen=True)
class OneCheckpoint:
    """All events in one checkpoint."""

    key: str

    def __post_init__(self) -> None:
        """Refuse what cannot be a key."""
        _require(self.key)

    def __str__(self) -> str:
        """Return the key."""
        return self.key

    def key_of(self, group: Group) -> str:
        """Return the one key."""
        del group
        return self.key

    def group_of(self, key: str) -> None:
        """Return None: there are no groups."""
        del key

    def existing(self, objects: S3Objects) -> Iterator[str]:
        """Yield the one key, whether there is an object or not."""
        del objects
        yield self.key

    def beside(self, name: str) -> str:
        """Return `_events.rejected.parquet` for `events.parquet`."""
        return hidden_beside(self.key, name)


@dataclass(frozen=True)
class GroupedCheckpoints:
    """A checkpoint for each study and datatype, by a template with `{study}` and `{datatype}`.

    Names become part of a key in an encoding that can be read back, so that a study named
    `../../evil` gets a checkpoint of its own, where the template says.
    """

    template: str

    def __post_init__(self) -> None:
        """Refuse a template that does not tell groups apart."""
        if any(self.template.count(f"{{{name}}}") != 1 for name in _FIELDS):
            raise InvalidEventError(
                f"the checkpoint's key template is {self.template!r}: it must have {{study}} and "
                "{datatype} once each"
            )
        _require(self._filled("study", "form"))

    def __str__(self) -> str:
        """Return the template."""
        return self.template

    def key_of(self, group: Group) -> str:
        """Fill in the template."""
        return require_key(self._filled(_encoded(group.study), _encoded(group.datatype)))

    def group_of(self, key: str) -> Group | None:
        """Read a key that `key_of` made."""
        found = self._pattern.fullmatch(key)
        if not found:
            return None
        group = Group(unquote(found["study"]), unquote(found["datatype"]))
        return (
            group if self._filled(_encoded(group.study), _encoded(group.datatype)) == key else None
        )

    def existing(self, objects: S3Objects) -> Iterator[str]:
        """Yield the keys of all groups that have a checkpoint."""
        for one in objects.list(self.template.partition("{")[0]):
            if self.group_of(one.key):
                yield one.key

    def beside(self, name: str) -> str:
        """Return a key that no group can have."""
        return hidden_beside(self._filled("_all", "_all"), name)

    def _filled(self, study: str, datatype: str) -> str:
        return self.template.replace("{study}", study).replace("{datatype}", datatype)

    @property
    def _pattern(self) -> re.Pattern[str]:
        pattern = re.escape(self.template)
        for name, allowed in _FIELDS.items():
            pattern = pattern.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>{allowed})")
        return re.compile(pattern)


def _encoded(name: str) -> str:
    """Percent-encode all but letters, digits, `-`, and `_` that is not the first."""
    return _UNSAFE_IN_QUOTE.sub(lambda found: f"%{ord(found[0]):02X}", quote(name, safe=""))


def _require(key: str) -> None:
    try:
        require_key(key)
    except ValueError as error:
        raise InvalidEventError(f"the checkpoint's key: {error}") from error
