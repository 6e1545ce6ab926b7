"""The places where the cache keeps its entries: this process and a folder.

The third place, an S3 bucket, is `s3_cache_tier`, apart from these because it needs boto3.
A tier stores bytes under names that `entry_name` made. It knows nothing of what is in them, nor
of their age; what it cannot do, it raises.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from pathlib import Path
from typing import ClassVar, Protocol

FILE_SUFFIX = ".cache.json"
"""What the names of cache files end in, so that no other file is ever taken for one."""

_PLAIN_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,79}")
_TEMPORARY_PREFIX = ".writing-"
_ABANDONED_AFTER_SECONDS = 3600.0


def entry_name(key: str) -> str:
    """Return the name that an entry has in every tier, whatever its key.

    Short keys of lower-case letters, digits, dots, dashes and underscores are their own names.
    Every other key becomes a readable remnant and its SHA-256, joined by a `~`, which no plain
    name has. So names never hold a separator, never exceed what a file system takes, and no two
    keys share one, not even where capitals do not count.

    Raises
    ------
    UnicodeEncodeError
        Where the key is not valid Unicode.
    """
    if _PLAIN_NAME.fullmatch(key):
        return key
    remnant = re.sub(r"[^a-z0-9]+", "-", key[:200].lower()).strip("-")[:60]
    return f"{remnant}~{hashlib.sha256(key.encode()).hexdigest()}"


class Tier(Protocol):
    """One place where entries are kept."""

    label: ClassVar[str]
    """What messages call it."""

    def read(self, name: str) -> bytes | None:
        """Return what is stored, or None where there is nothing."""

    def write(self, name: str, content: bytes) -> None:
        """Store `content`, in place of what was there."""

    def delete(self, name: str) -> None:
        """Remove one entry, if it is there."""

    def clear(self) -> set[str]:
        """Remove all entries and return their names."""


class MemoryTier:
    """Entries of this process."""

    label: ClassVar[str] = "memory"

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        """Return what is stored, or None where there is nothing."""
        return self._contents.get(name)

    def write(self, name: str, content: bytes) -> None:
        """Store `content`, in place of what was there."""
        self._contents[name] = content

    def delete(self, name: str) -> None:
        """Remove one entry, if it is there."""
        self._contents.pop(name, None)

    def clear(self) -> set[str]:
        """Remove all entries and return their names."""
        names = set(self._contents)
        self._contents.clear()
        return names


class FileTier:
    """Entries as files of one folder, which several processes may share.

    A file appears whole or not at all: it is written under a temporary name and moved. It is not
    forced to disc, which would cost more than an entry is worth; what a power cut leaves behind
    fails its digest and is fetched again. Only the owner may read what is made here.
    All methods raise `OSError` where the file system refuses.
    """

    label: ClassVar[str] = "file"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, name: str) -> bytes | None:
        """Return what is stored, or None where there is nothing."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Store `content`, in place of what was there."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp opens with mode 0600, which the entry keeps.
        descriptor, temporary = tempfile.mkstemp(dir=self._directory, prefix=_TEMPORARY_PREFIX)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(temporary).replace(self._path(name))
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def delete(self, name: str) -> None:
        """Remove one entry, if it is there."""
        self._path(name).unlink(missing_ok=True)

    def clear(self) -> set[str]:
        """Remove all entries and return their names.

        Other files of the folder stay. So do temporary files, unless they are so old that their
        writer must have been killed.
        """
        names = self.names()
        for name in names:
            self.delete(name)
        for path in self._files():
            if path.name.startswith(_TEMPORARY_PREFIX) and _is_abandoned(path):
                path.unlink(missing_ok=True)
        return names

    def names(self) -> set[str]:
        """Return the names of all entries."""
        return {
            path.name.removesuffix(FILE_SUFFIX)
            for path in self._files()
            if path.name.endswith(FILE_SUFFIX)
        }

    def _files(self) -> list[Path]:
        try:
            return [path for path in self._directory.iterdir() if path.is_file()]
        except FileNotFoundError:
            return []

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}{FILE_SUFFIX}"


def _is_abandoned(temporary: Path) -> bool:
    try:
        return temporary.stat().st_mtime < time.time() - _ABANDONED_AFTER_SECONDS
    except FileNotFoundError:  # its writer has just moved it
        return False
