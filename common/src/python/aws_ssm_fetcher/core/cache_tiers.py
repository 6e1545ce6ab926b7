"""The first two tiers of the cache: the memory of this process, and a folder.

The third tier, an S3 bucket, has its own module, `s3_cache_tier`, because it needs boto3. A tier
stores bytes under names made by `entry_name`. It does not interpret the bytes and does not know
their age. Its methods raise if they fail.
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
"""The suffix of cache files, so that no other file in the folder is mistaken for one."""

_PLAIN_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,79}")
_TEMPORARY_PREFIX = ".writing-"
_ABANDONED_AFTER_SECONDS = 3600.0


def entry_name(key: str) -> str:
    """Return the name that an entry has in every tier.

    Short keys of lower-case letters, digits, dots, dashes and underscores are used as they are.
    The name of any other key is a readable part of it and its SHA-256, joined by `~`, which does
    not occur in plain names. Names therefore never contain a path separator or exceed the limit of
    a file system, and two keys never share a name, even if the file system ignores case.

    Raises
    ------
    UnicodeEncodeError
        If the key is not valid Unicode.

    Examples
    --------
    >>> entry_name("catalog")
    'catalog'
    >>> entry_name("../A b").startswith("a-b~")
    True
    """
    if _PLAIN_NAME.fullmatch(key):
        return key
    remnant = re.sub(r"[^a-z0-9]+", "-", key[:200].lower()).strip("-")[:60]
    return f"{remnant}~{hashlib.sha256(key.encode()).hexdigest()}"


class Tier(Protocol):
    """A place that stores entries."""

    label: ClassVar[str]
    """The name of the tier in messages."""

    def read(self, name: str) -> bytes | None:
        """Return the stored bytes, or None if there is no such entry."""

    def write(self, name: str, content: bytes) -> None:
        """Store `content`; an existing entry is replaced."""

    def delete(self, name: str) -> None:
        """Remove an entry, if it exists."""

    def clear(self) -> set[str]:
        """Remove all entries and return their names."""


class MemoryTier:
    """Entries in the memory of this process."""

    label: ClassVar[str] = "memory"

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        """Return the stored bytes, or None if there is no such entry."""
        return self._contents.get(name)

    def write(self, name: str, content: bytes) -> None:
        """Store `content`; an existing entry is replaced."""
        self._contents[name] = content

    def delete(self, name: str) -> None:
        """Remove an entry, if it exists."""
        self._contents.pop(name, None)

    def clear(self) -> set[str]:
        """Remove all entries and return their names."""
        names = set(self._contents)
        self._contents.clear()
        return names


class FileTier:
    """Entries as files of a folder, which several processes may share.

    A file is written under a temporary name and then renamed, so readers never see a part of it.
    It is not synced to disk, which would cost more than an entry is worth: after a power failure,
    a damaged entry fails its digest and the data is fetched again. Only the owner can read the
    files. All methods raise `OSError` if the file system rejects the operation.
    """

    label: ClassVar[str] = "file"

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def read(self, name: str) -> bytes | None:
        """Return the stored bytes, or None if there is no such entry."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Store `content`; an existing entry is replaced."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp creates the file with mode 0600.
        descriptor, temporary = tempfile.mkstemp(dir=self.directory, prefix=_TEMPORARY_PREFIX)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(temporary).replace(self._path(name))
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def delete(self, name: str) -> None:
        """Remove an entry, if it exists."""
        self._path(name).unlink(missing_ok=True)

    def clear(self) -> set[str]:
        """Remove all entries and return their names.

        Other files of the folder are kept, and so are temporary files, unless they are so old
        that their writer must have been killed.
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
            return [path for path in self.directory.iterdir() if path.is_file()]
        except FileNotFoundError:
            return []

    def _path(self, name: str) -> Path:
        return self.directory / f"{name}{FILE_SUFFIX}"


def _is_abandoned(temporary: Path) -> bool:
    try:
        return temporary.stat().st_mtime < time.time() - _ABANDONED_AFTER_SECONDS
    except FileNotFoundError:  # its writer renamed it after the folder was listed
        return False
