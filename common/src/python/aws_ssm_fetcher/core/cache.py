"""A cache of fetched data: in memory, in files, and in S3 if a bucket is configured.

An entry is one JSON document, with the same bytes in every tier::

    {"version": 1, "key": …, "model": "Catalog" | null,
     "created": …, "expires": …, "value": …, "digest": SHA-256 of the rest}

Copying it to another tier therefore keeps its age, and the digest reveals damage. JSON values and
the domain's models are returned exactly as they were stored; other values are rejected.

A failing cache does not fail a run: an entry that cannot be read is a miss, with a warning in the
log, and data that cannot be written is fetched again next time. Only `CacheManager.clear_all` and
`CacheManager.info` raise if a tier fails.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import quote, urlencode

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, ValidationError
from pydantic_core import from_json, to_json

import aws_ssm_fetcher.report  # noqa: F401 - defines models that can be cached
from aws_ssm_fetcher.core.cache_tiers import FILE_SUFFIX, FileTier, MemoryTier, Tier, entry_name
from aws_ssm_fetcher.models import DomainModel
from lambda_core.errors import ApplicationError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from aws_ssm_fetcher.core.s3_cache_tier import S3Tier

type Clock = Callable[[], dt.datetime]
"""Returns the current time as a timezone-aware datetime."""

CLOCK_TOLERANCE = dt.timedelta(minutes=5)
"""How far an entry's creation time may be in the future, because clocks of hosts differ."""

MAX_DEPTH = 100
"""How many levels of lists and objects a value may have."""

MAX_INTEGER_BITS = 8192
"""The size limit of an integer; Python refuses to parse much larger ones."""

_TIER_ERRORS = (OSError, ApplicationError)
"""The errors that a tier may raise."""

_RULE = 60 * "="

_LOG = logging.getLogger(__name__)


class UncacheableError(ApplicationError, TypeError):
    """A value or key that the cache could not return unchanged."""


class CacheError(ApplicationError):
    """A tier of the cache could not be cleared or read."""


class _DamagedEntryError(ApplicationError):
    """Stored bytes that are not a valid entry for their key."""


class CacheSettings(Protocol):
    """The settings that `CacheManager` needs; `aws_ssm_fetcher.core.config.Config` has them.

    The object may also have `s3_cache_bucket`, and for the S3 client `aws_region` and
    `aws_profile`. A missing one counts as None.
    """

    @property
    def cache_dir(self) -> str | Path:
        """Folder of the cache; it is created when it is needed."""

    @property
    def cache_hours(self) -> float:
        """How long an entry is valid, in hours; 0 turns the cache off."""

    @property
    def cache_enabled(self) -> bool:
        """Whether the cache is used at all."""


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One file of the cache.

    Attributes
    ----------
    file
        The file's name.
    size
        In bytes.
    valid
        Whether `CacheManager.get` would return it.
    key, created, expires
        Read from the entry; None if the entry is damaged. `expires` takes the settings of this
        manager into account, which may be shorter than those of the writer.
    """

    file: str
    size: int
    valid: bool
    key: str | None
    created: dt.datetime | None
    expires: dt.datetime | None


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """The content of the cache's folder.

    Attributes
    ----------
    directory
        The folder; it may not exist yet.
    enabled
        Whether entries are read and written at all.
    ttl_hours
        How long an entry is valid, in hours.
    s3_bucket
        The bucket of the third tier, or None; its objects are not listed.
    entries
        The files, sorted by name.
    """

    directory: Path
    enabled: bool
    ttl_hours: float
    s3_bucket: str | None
    entries: tuple[CacheEntry, ...]

    @property
    def files(self) -> int:
        """Number of files."""
        return len(self.entries)

    @property
    def total_size(self) -> int:
        """Size of all files in bytes."""
        return sum(entry.size for entry in self.entries)

    def __str__(self) -> str:
        """Return a block of lines for a person, as the original script printed it."""
        lines = [
            _RULE,
            "CACHE INFORMATION",
            _RULE,
            f"Cache Directory: {_printable(str(self.directory))}",
            f"TTL Hours: {self.ttl_hours:g}",
            f"Total Files: {self.files}",
            f"Total Size: {_kilobytes(self.total_size)}",
        ]
        if not self.enabled:
            lines.append("The cache is turned off.")
        if self.s3_bucket is not None:
            lines.append(f"S3 Bucket: {self.s3_bucket}")
        if self.entries:
            lines += ["", "Cached Files:"]
        for entry in self.entries:
            size = _kilobytes(entry.size)
            if entry.key is None or entry.created is None or entry.expires is None:
                lines.append(f"  damaged  {_printable(entry.file)}: {size}")
                continue
            created, expires = (
                moment.astimezone(dt.UTC).isoformat(" ", "seconds")
                for moment in (entry.created, entry.expires)
            )
            lines += [
                f"  {'valid' if entry.valid else 'expired':7}  {_printable(entry.key)}: {size}",
                f"           created {created}, expires {expires}",
            ]
        return "\n".join([*lines, _RULE])


def _kilobytes(size: int) -> str:
    return f"{size / 1024:.2f} KB"


def _printable(name: str) -> str:
    # A key or file name may contain control characters, which must not reach the terminal.
    return name if name.isprintable() else ascii(name)


class _Envelope(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    version: Literal[1] = 1
    key: str
    model: str | None
    created: AwareDatetime
    expires: AwareDatetime
    value: JsonValue
    digest: str = ""

    def computed_digest(self) -> str:
        content = self.model_dump_json(exclude={"digest"})
        return hashlib.sha256(content.encode()).hexdigest()


def cache_key(
    name: str, *, endpoint: str, partition: str, region: str, **parts: str | int | bool
) -> str:
    """Return the key of data fetched from one endpoint, partition and region.

    The key contains everything that may change the response, so that data of a demonstration is
    never used in a real run. Two keys are equal only if all of their parts are equal; a boolean
    counts as `true` or `false`, a number as its digits.
    """
    labels = {"endpoint": endpoint, "partition": partition, "region": region}
    labels |= {part: json.dumps(v) if isinstance(v, int) else v for part, v in parts.items()}
    return f"{quote(name, safe='')}?{urlencode(sorted(labels.items()))}"


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class CacheManager:
    """Entries with a time to live, looked up in memory, then in files, then in S3.

    An entry found in a lower tier is copied to the upper ones and keeps its expiry. Several
    processes may share the folder, and several hosts the bucket. A tier that fails (no permission,
    disk full, S3 unreachable) is reported in one warning and then no longer used by this manager,
    so an unreachable bucket costs its timeouts only once.

    Parameters
    ----------
    config
        The settings: a `Config`, or any object with the attributes of `CacheSettings`.
    s3_client
        The client for the bucket; created when it is first needed by default.
    clock
        Returns the current time.
    max_age_hours
        `get` returns nothing older than this, although entries are stored for `cache_hours`: for a
        caller that needs fresher data than others. None sets no such limit.

    Attributes
    ----------
    config
        The settings.
    cache_enabled
        Whether entries are read and written at all.

    Examples
    --------
    >>> import tempfile
    >>> from types import SimpleNamespace
    >>> folder = tempfile.TemporaryDirectory()
    >>> cache = CacheManager(
    ...     SimpleNamespace(cache_dir=folder.name, cache_hours=24, cache_enabled=True)
    ... )
    >>> cache.set("regions", ["us-east-1", "eu-west-3"])
    True
    >>> cache.get("regions")
    ['us-east-1', 'eu-west-3']
    >>> cache.clear_all()
    1
    >>> print(cache.get("regions"))
    None
    >>> folder.cleanup()
    """

    def __init__(
        self,
        config: CacheSettings,
        *,
        s3_client: S3Client | None = None,
        clock: Clock = _utc_now,
        max_age_hours: float | None = None,
    ) -> None:
        self.config = config
        self.cache_enabled = config.cache_enabled and config.cache_hours > 0
        self._clock = clock
        self._ttl = dt.timedelta(hours=config.cache_hours)
        hours = config.cache_hours if max_age_hours is None else max_age_hours
        self._max_age = min(self._ttl, dt.timedelta(hours=hours))
        self._files = FileTier(Path(config.cache_dir))
        self._s3 = _s3_tier(config, s3_client)
        self._tiers: list[Tier] = [MemoryTier(), self._files]
        if self._s3 is not None:
            self._tiers.append(self._s3)
        self._failed: list[Tier] = []

    @property
    def cache_dir(self) -> Path:
        """Folder of the second tier; it may not exist yet."""
        return self._files.directory

    @property
    def s3_client(self) -> S3Client | None:
        """Client of the third tier, or None if no bucket is configured.

        Raises
        ------
        lambda_core.errors.ConfigurationError
            If the client cannot be created, for example because the profile does not exist.
        """
        return None if self._s3 is None else self._s3.client

    def get(self, key: str) -> JsonValue | DomainModel:
        """Return the value stored under `key`, or None if no tier has a valid one.

        A damaged entry (truncated, changed, stored under another key, written by a later version
        of this program, or from the future) is removed from its tier, with a warning in the log.

        Raises
        ------
        UncacheableError
            If the key is not valid Unicode.
        """
        name = _name_of(key)
        passed: list[Tier] = []
        for tier in self._working_tiers():
            if (content := self._read(tier, name)) is not None:
                try:
                    envelope = _open(content, key, latest=self._clock() + CLOCK_TOLERANCE)
                    value = _restore(envelope.model, envelope.value)
                except _DamagedEntryError as error:
                    self._drop(tier, key, name, error)
                else:
                    if self._clock() < self._end_of(envelope):
                        for upper in passed:
                            self._write(upper, name, content)
                        return value
            passed.append(tier)
        return None

    def set(self, key: str, value: object) -> bool:
        """Store a JSON value or a model of the domain under `key`, in every tier.

        A JSON value is None, a bool, int, finite float or str, or a list or dict (with str keys)
        of JSON values. Subclasses of these types are rejected, because `get` could not return them.

        Returns
        -------
        bool
            Whether every configured tier stored it. If a tier could not, the log says why, and the
            other tiers have it. False if the cache is off; then nothing is changed.

        Raises
        ------
        UncacheableError
            If `get` could not return the value unchanged, or if the key is not valid Unicode.
        """
        if not self.cache_enabled:
            return False
        name = _name_of(key)
        model, plain = _to_plain(value)
        now = self._clock().astimezone(dt.UTC)
        envelope = _Envelope(
            key=key, model=model, created=now, expires=now + self._ttl, value=plain
        )
        sealed = envelope.model_copy(update={"digest": envelope.computed_digest()})
        content = sealed.model_dump_json().encode()
        written = [self._write(tier, name, content) for tier in self._working_tiers()]
        return all(written) and not self._failed

    def clear_all(self) -> int:
        """Remove every entry from every tier, even if the cache is off.

        Expired entries count too. An entry in several tiers counts once. Entries in the memory of
        other processes are not removed.

        Returns
        -------
        int
            Number of entries removed.

        Raises
        ------
        CacheError
            If a tier could not be cleared; the other tiers are cleared.
        """
        names: set[str] = set()
        failures: list[str] = []
        for tier in self._tiers:
            try:
                names |= tier.clear()
            except _TIER_ERRORS as error:
                failures.append(f"the {tier.label} tier: {error}")
        if failures:
            raise CacheError(
                f"cannot clear all of the cache: {'; '.join(failures)}", removed=len(names)
            )
        return len(names)

    def info(self) -> CacheInfo:
        """Describe the folder and its entries. Nothing is changed; damaged entries are kept.

        Raises
        ------
        CacheError
            If the folder or one of its files cannot be read.
        """
        try:
            entries = [self._describe(name) for name in sorted(self._files.names())]
        except OSError as error:
            raise CacheError(f"cannot read the cache: {error}") from error
        return CacheInfo(
            directory=self.cache_dir,
            enabled=self.cache_enabled,
            ttl_hours=self.config.cache_hours,
            s3_bucket=None if self._s3 is None else self._s3.bucket,
            entries=tuple(entry for entry in entries if entry is not None),
        )

    def _describe(self, name: str) -> CacheEntry | None:
        content = self._files.read(name)
        if content is None:  # another process removed it after the folder was listed
            return None
        file, size, now = f"{name}{FILE_SUFFIX}", len(content), self._clock()
        try:
            envelope = _open(content, None, latest=now + CLOCK_TOLERANCE)
            if _name_of(envelope.key) != name:
                raise _DamagedEntryError("the file has the name of another key")
            _restore(envelope.model, envelope.value)
        except _DamagedEntryError:
            return CacheEntry(file, size, valid=False, key=None, created=None, expires=None)
        end = self._end_of(envelope)
        return CacheEntry(file, size, now < end, envelope.key, envelope.created, end)

    def _end_of(self, envelope: _Envelope) -> dt.datetime:
        # The limit of the reader applies even if the writer allowed a longer time.
        return min(envelope.expires, envelope.created + self._max_age)

    def _working_tiers(self) -> list[Tier]:
        if not self.cache_enabled:
            return []
        return [tier for tier in self._tiers if tier not in self._failed]

    def _read(self, tier: Tier, name: str) -> bytes | None:
        try:
            return tier.read(name)
        except _TIER_ERRORS as error:
            self._give_up(tier, error)
            return None

    def _write(self, tier: Tier, name: str, content: bytes) -> bool:
        try:
            tier.write(name, content)
        except _TIER_ERRORS as error:
            self._give_up(tier, error)
            return False
        return True

    def _drop(self, tier: Tier, key: str, name: str, reason: _DamagedEntryError) -> None:
        _LOG.warning("Removed cache entry %r from the %s tier: %s", key, tier.label, reason)
        try:
            tier.delete(name)
        except _TIER_ERRORS as error:
            self._give_up(tier, error)

    def _give_up(self, tier: Tier, error: Exception) -> None:
        _LOG.warning("The cache no longer uses its %s tier: %s", tier.label, error)
        self._failed.append(tier)


def _s3_tier(config: CacheSettings, client: S3Client | None) -> S3Tier | None:
    bucket = getattr(config, "s3_cache_bucket", None)
    if not bucket:
        return None
    from aws_ssm_fetcher.core.s3_cache_tier import S3Tier  # imports boto3, so only if needed

    return S3Tier(
        bucket,
        client,
        region=getattr(config, "aws_region", None),
        profile=getattr(config, "aws_profile", None),
    )


def _name_of(key: str) -> str:
    try:
        return entry_name(key)
    except UnicodeEncodeError as error:
        raise UncacheableError(f"the cache key {key!r} is not valid Unicode") from error


def _open(content: bytes, key: str | None, *, latest: dt.datetime) -> _Envelope:
    """Return the entry in `content` after checking that it is intact and for `key` (None: any)."""
    try:
        envelope = _Envelope.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _DamagedEntryError(f"it is not an entry: {place} {first['msg']}") from error
    if envelope.digest != envelope.computed_digest():
        raise _DamagedEntryError("its content has changed since it was written")
    if key is not None and envelope.key != key:
        raise _DamagedEntryError(f"it belongs to another key, {envelope.key!r}")
    if envelope.created > latest:
        raise _DamagedEntryError(f"it is from the future, {envelope.created.isoformat()}")
    return envelope


def _models() -> dict[str, type[DomainModel]]:
    """Return every model of the domain by its class name."""
    found: dict[str, type[DomainModel]] = {}
    waiting = [DomainModel]
    while waiting:
        for model in waiting.pop().__subclasses__():
            found[model.__name__] = model
            waiting.append(model)
    return found


def _restore(model: str | None, value: JsonValue) -> JsonValue | DomainModel:
    if model is None:
        return value
    known = _models().get(model)
    if known is None:
        raise _DamagedEntryError(f"it contains a {model}, a model that this program does not have")
    try:
        return known.model_validate_json(to_json(value))
    except ValidationError as error:
        raise _DamagedEntryError(f"it does not match the fields of the model {model}") from error


def _to_plain(value: object) -> tuple[str | None, JsonValue]:
    """Return the name of the value's model (None for a JSON value), and the value as JSON."""
    if not isinstance(value, DomainModel):
        return None, _require_json(value, "the value", MAX_DEPTH)
    model = type(value).__name__
    try:
        plain = from_json(value.model_dump_json(round_trip=True, warnings="error"))
        # JSON cannot represent some values, such as NaN in a float field.
        same = _restore(model, plain) == value
    except (ValueError, RecursionError, _DamagedEntryError) as error:
        raise UncacheableError(f"this {model} cannot be stored as JSON: {error}") from error
    if not same:
        raise UncacheableError(f"JSON would change this {model}")
    return model, plain


def _require_json(value: object, place: str, depth: int) -> JsonValue:
    """Return `value` after checking that JSON does not change it; messages call it `place`."""
    if depth == 0:
        raise UncacheableError(f"{place} is nested more than {MAX_DEPTH} levels deep")
    # Exact types: `get` would return an instance of a subclass, such as an enum, as its base type.
    match value:
        case None | bool():
            return value
        case str() if type(value) is str:
            return _require_text(value, place)
        case int() if type(value) is int:
            if value.bit_length() > MAX_INTEGER_BITS:
                raise UncacheableError(
                    f"{place} is an integer of more than {MAX_INTEGER_BITS} bits"
                )
            return value
        case float() if type(value) is float:
            if not math.isfinite(value):
                raise UncacheableError(f"{place} is {value}, which JSON cannot represent")
            return value
        case list() if type(value) is list:
            return [
                _require_json(item, f"{place}[{index}]", depth - 1)
                for index, item in enumerate(value)
            ]
        case dict() if type(value) is dict:
            return {
                _require_name(name, place): _require_json(item, f"{place}[{name!r}]", depth - 1)
                for name, item in value.items()
            }
    raise UncacheableError(
        f"{place} is of type {type(value).__name__}; only JSON values and models can be cached"
    )


def _require_text(text: str, place: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UncacheableError(f"{place} is not valid Unicode: {text!r}") from error
    return text


def _require_name(name: object, place: str) -> str:
    if type(name) is not str:
        raise UncacheableError(f"{place} has the key {name!r}; in JSON, keys are text")
    return _require_text(name, f"a key of {place}")
