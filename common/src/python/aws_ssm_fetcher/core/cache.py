"""A cache of what was fetched: in memory, in files, and in S3 where a bucket is configured.

An entry is one JSON document, the same bytes in every tier::

    {"version": 1, "key": …, "model": "Catalog" | null,
     "created": …, "expires": …, "value": …, "digest": SHA-256 of the rest}

so that copying it upward leaves its age as it is, and damage anywhere in it is noticed. JSON
values and the domain's models come back equal to what was stored; nothing else is taken.

A cache is not a source. What it cannot read is a miss, with a warning in the log, and what it
cannot write is fetched again next time. It never fails a run, but for `CacheManager.clear_all`,
which does what it was told or says why it could not.
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
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlencode

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, ValidationError
from pydantic_core import from_json, to_json

import aws_ssm_fetcher.report  # noqa: F401 - its models can be cached: they must be known
from aws_ssm_fetcher.core.cache_tiers import FILE_SUFFIX, FileTier, MemoryTier, Tier, entry_name
from aws_ssm_fetcher.core.config import Config
from aws_ssm_fetcher.models import DomainModel
from lambda_core.errors import ApplicationError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

type Clock = Callable[[], dt.datetime]
"""Tells the time, as an aware datetime."""

CLOCK_TOLERANCE = dt.timedelta(minutes=5)
"""How far the clocks of two hosts may differ before an entry from the future counts as damaged."""

MAX_DEPTH = 100
"""How deeply lists and objects of a value may be nested."""

MAX_INTEGER_BITS = 8192
"""How large an integer may be; Python refuses to read much larger ones from text."""

_TIER_ERRORS = (OSError, ApplicationError)
"""What a tier may raise."""

_LOG = logging.getLogger(__name__)


class UncacheableError(ApplicationError, TypeError):
    """A value, or a key, that could not be given back as it is."""


class CacheError(ApplicationError):
    """A part of the cache that could not be cleared or looked into."""


class _DamagedEntryError(ApplicationError):
    """Stored bytes that are no entry for the key that they stand under."""


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
        Whether `CacheManager.get` would answer with it.
    key, created, expires
        What the entry says of itself; None where it is damaged. `expires` is when it ends for
        this manager, whose time to live may be shorter than that of the writer.
    """

    file: str
    size: int
    valid: bool
    key: str | None
    created: dt.datetime | None
    expires: dt.datetime | None


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What the cache's folder holds.

    Attributes
    ----------
    directory
        The folder; it may not exist yet.
    enabled
        Whether entries are read and written at all.
    ttl_hours
        How long an entry lives.
    s3_bucket
        The bucket of the third tier, if there is one; its objects are not listed.
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
        """Return it as lines for a person."""
        state = f"entries live {self.ttl_hours:g} hours" if self.enabled else "switched off"
        bucket = f", backed by the S3 bucket {self.s3_bucket}" if self.s3_bucket else ""
        lines = [
            f"Cache {self.directory}: {state}{bucket}",
            f"{_counted(self.files, 'file')}, {_counted(self.total_size, 'byte')}",
        ]
        for entry in self.entries:
            size = _counted(entry.size, "byte")
            if entry.key is None or entry.created is None or entry.expires is None:
                lines.append(f"  damaged  {_shown(entry.file)}: {size}")
                continue
            created, expires = (
                moment.astimezone(dt.UTC).isoformat(" ", "seconds")
                for moment in (entry.created, entry.expires)
            )
            lines += [
                f"  {'valid' if entry.valid else 'expired':7}  {_shown(entry.key)}: {size}",
                f"           created {created}, expires {expires}",
            ]
        return "\n".join(lines)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _shown(name: str) -> str:
    # What stands in a folder may hold anything; it shall not command the terminal.
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
    """Return the key of something fetched from one endpoint, partition and region.

    Whatever may change the answer belongs into the key, so that a demonstration never feeds a
    real run. Two keys are equal only where all of their parts are; a boolean counts as `true` or
    `false`, a number as its digits.
    """
    labels = {"endpoint": endpoint, "partition": partition, "region": region}
    labels |= {part: json.dumps(v) if isinstance(v, int) else v for part, v in parts.items()}
    return f"{quote(name, safe='')}?{urlencode(sorted(labels.items()))}"


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class CacheManager:
    """Entries with a time to live, looked for in memory, then in files, then in S3.

    An entry that is found further down is copied upward with the expiry that it has. Several
    processes may share the folder, several hosts the bucket. A tier that fails (no permission,
    disc full, S3 unreachable) is named in one warning and then left alone for the life of this
    manager, so that a dead bucket costs its time-outs once.

    Parameters
    ----------
    config
        `cache_dir`, `cache_hours`, `cache_enabled`, `s3_cache_bucket` and, for the client,
        `aws_region` and `aws_profile`. Where `cache_hours` is 0 nothing can live, so nothing is
        read or written.
    s3_client
        The client for the bucket; made when it is first needed where none is given.
    clock
        Tells the time.
    max_age_hours
        Nothing older than this is answered, although entries that are written live for
        `cache_hours`: for one who needs younger data than others. None sets no such limit.
    """

    def __init__(
        self,
        config: Config,
        *,
        s3_client: S3Client | None = None,
        clock: Clock = _utc_now,
        max_age_hours: float | None = None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._ttl = dt.timedelta(hours=config.cache_hours)
        hours = config.cache_hours if max_age_hours is None else max_age_hours
        self._max_age = min(self._ttl, dt.timedelta(hours=hours))
        self._active = config.cache_enabled and bool(self._ttl)
        self._files = FileTier(config.cache_dir)
        self._tiers: list[Tier] = [MemoryTier(), self._files]
        if config.s3_cache_bucket is not None:
            from aws_ssm_fetcher.core.s3_cache_tier import S3Tier  # needs boto3: only where used

            self._tiers.append(
                S3Tier(
                    config.s3_cache_bucket,
                    s3_client,
                    region=config.aws_region,
                    profile=config.aws_profile,
                )
            )
        self._failed: list[Tier] = []

    def get(self, key: str) -> JsonValue | DomainModel:
        """Return the value under `key`, or None where no tier has one that still lives.

        A damaged entry (cut short, changed, of another key, of a later version of this program,
        from the future) is removed from its tier, with a warning in the log.

        Raises
        ------
        UncacheableError
            Where the key is not valid Unicode.
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
        of such, of exactly these types.

        Returns
        -------
        bool
            Whether every configured tier has it now. Where one has not, the log says why, and the
            others have it. False, and nothing is touched, where the cache is off.

        Raises
        ------
        UncacheableError
            Where the value, or something in it, would not come back equal, or where the key is
            not valid Unicode.
        """
        if not self._active:
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
        """Remove every entry from every tier, even where the cache is off.

        Entries count whether they still live or not, and one that several tiers have counts
        once. What another process holds in its memory stays there.

        Returns
        -------
        int
            Number of entries removed.

        Raises
        ------
        CacheError
            Where a tier could not be cleared; the others are.
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
                f"the cache could not be cleared in {'; '.join(failures)}", removed=len(names)
            )
        return len(names)

    def info(self) -> CacheInfo:
        """Describe the folder and its entries. Nothing is changed, not even what is damaged.

        Raises
        ------
        CacheError
            Where the folder or a file of it cannot be read.
        """
        try:
            entries = [self._describe(name) for name in sorted(self._files.names())]
        except OSError as error:
            raise CacheError(f"the cache cannot be read: {error}") from error
        return CacheInfo(
            directory=self._config.cache_dir,
            enabled=self._config.cache_enabled,
            ttl_hours=self._config.cache_hours,
            s3_bucket=self._config.s3_cache_bucket,
            entries=tuple(entry for entry in entries if entry is not None),
        )

    def _describe(self, name: str) -> CacheEntry | None:
        content = self._files.read(name)
        if content is None:  # another process has just removed it
            return None
        file, size, now = f"{name}{FILE_SUFFIX}", len(content), self._clock()
        try:
            envelope = _open(content, None, latest=now + CLOCK_TOLERANCE)
            if _name_of(envelope.key) != name:
                raise _DamagedEntryError("it stands under the name of another key")
            _restore(envelope.model, envelope.value)
        except _DamagedEntryError:
            return CacheEntry(file, size, valid=False, key=None, created=None, expires=None)
        end = self._end_of(envelope)
        return CacheEntry(file, size, now < end, envelope.key, envelope.created, end)

    def _end_of(self, envelope: _Envelope) -> dt.datetime:
        # Who asks for nothing older than an hour gets nothing older, whoever stored it.
        return min(envelope.expires, envelope.created + self._max_age)

    def _working_tiers(self) -> list[Tier]:
        if not self._active:
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
        _LOG.warning("Cache entry %r dropped from the %s tier: %s", key, tier.label, reason)
        try:
            tier.delete(name)
        except _TIER_ERRORS as error:
            self._give_up(tier, error)

    def _give_up(self, tier: Tier, error: Exception) -> None:
        _LOG.warning("The cache goes on without its %s tier: %s", tier.label, error)
        self._failed.append(tier)


def _name_of(key: str) -> str:
    try:
        return entry_name(key)
    except UnicodeEncodeError as error:
        raise UncacheableError(f"the cache key {key!r} is not valid Unicode") from error


def _open(content: bytes, key: str | None, *, latest: dt.datetime) -> _Envelope:
    """Return the entry in `content`, once it is known to be whole and for `key` (None: any)."""
    try:
        envelope = _Envelope.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _DamagedEntryError(f"it is not an entry: {place} {first['msg']}") from error
    if envelope.digest != envelope.computed_digest():
        raise _DamagedEntryError("its content has changed since it was written")
    if key is not None and envelope.key != key:
        raise _DamagedEntryError(f"it is of another key, {envelope.key!r}")
    if envelope.created > latest:
        raise _DamagedEntryError(f"it is from the future, {envelope.created.isoformat()}")
    return envelope


def _models() -> dict[str, type[DomainModel]]:
    """Return every model of the domain by the name of its class."""
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
        raise _DamagedEntryError(f"it holds a {model}, which this program does not know")
    try:
        return known.model_validate_json(to_json(value))
    except ValidationError as error:
        raise _DamagedEntryError(f"it is not a {model} as this program knows it") from error


def _to_plain(value: object) -> tuple[str | None, JsonValue]:
    """Return the name of the value's model, if it is one, and the value as JSON."""
    if not isinstance(value, DomainModel):
        return None, _require_json(value, "the value", MAX_DEPTH)
    model = type(value).__name__
    try:
        plain = from_json(value.model_dump_json(round_trip=True, warnings="error"))
        _require_json(plain, model, MAX_DEPTH)
        # A field of type Any may hold what JSON changes, such as a tuple or NaN.
        same = _restore(model, plain) == value
    except (ValueError, RecursionError, _DamagedEntryError) as error:
        raise UncacheableError(f"this {model} cannot be kept as JSON: {error}") from error
    if not same:
        raise UncacheableError(f"this {model} would not come back equal from JSON")
    return model, plain


def _require_json(value: object, place: str, depth: int) -> JsonValue:
    """Return `value` once it is known to come back equal; `place` is what messages call it."""
    if depth == 0:
        raise UncacheableError(f"{place} is nested more than {MAX_DEPTH} levels deep")
    # Exact types: what derives from them, such as an enumeration, would come back without that.
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
                raise UncacheableError(f"{place} is {value}, which JSON does not have")
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
        raise UncacheableError(f"{place} has the key {name!r}, where JSON has only text")
    return _require_text(name, f"a key of {place}")
