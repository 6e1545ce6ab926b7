"""What one stage leaves for the next: objects that carry their digest and are checked on reading.

The digest is SHA-256, in hexadecimal, in the object's metadata under `sha256`. Writing the same
artefact twice leaves it as it was.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ValidationError

from aws_ssm_fetcher import __version__
from lambda_core import aws
from lambda_core.errors import InvalidEventError, ProcessingError
from lambda_core.s3 import ObjectNotFoundError, PreconditionFailedError, S3Objects, StoredObject

DIGEST: Final = "sha256"

_CONTENT_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class Artefact:
    """An artefact that is what it was when it was written.

    Attributes
    ----------
    content, sha256
        What it holds, and the digest of it.
    written_at
        When it was written, as S3 says.
    """

    content: bytes
    sha256: str
    written_at: dt.datetime


class ArtefactStore:
    """The artefacts in one bucket. All methods raise `S3Error` where S3 refuses or fails."""

    def __init__(self, objects: S3Objects) -> None:
        self._objects = objects

    @classmethod
    def open(cls, bucket: str) -> ArtefactStore:
        """Make a store with a client of its own, for the region of the environment."""
        client = aws.client("s3", user_agent=f"aws-ssm-fetcher/{__version__}")
        return cls(S3Objects(client, bucket))

    @property
    def objects(self) -> S3Objects:
        """The bucket's objects, for what is no artefact."""
        return self._objects

    def location(self, prefix: str) -> str:
        """Return a prefix as the stages hand it on."""
        return f"s3://{self._objects.bucket}/{prefix}"

    def require_location(self, given: str, prefix: str) -> None:
        """Refuse a location that is not the one where an execution's artefacts must be.

        Raises
        ------
        InvalidEventError
            It is another bucket, another execution's, or another stage's.
        """
        expected = self.location(prefix)
        if given != expected:
            raise InvalidEventError(
                f"data_location must be {expected}, the place of this execution in the bucket "
                "that is set; it is another one",
                expected=expected,
            )

    def write(self, key: str, content: bytes) -> str:
        """Write an artefact and return its digest."""
        digest = hashlib.sha256(content).hexdigest()
        self._objects.put(key, content, content_type=_content_type(key), metadata={DIGEST: digest})
        return digest

    def write_model(self, key: str, model: BaseModel) -> str:
        """Write a model as JSON and return the digest."""
        return self.write(key, model.model_dump_json().encode())

    def write_new(self, key: str, content: bytes) -> StoredObject | None:
        """Write an artefact if there is none yet.

        Returns
        -------
        StoredObject or None
            What already stood there, with another content; None where it is written now, or was
            there with the same content.
        """
        digest = hashlib.sha256(content).hexdigest()
        try:
            self._objects.put(
                key,
                content,
                content_type=_content_type(key),
                metadata={DIGEST: digest},
                if_none_match=True,
            )
        except PreconditionFailedError:
            standing = self._objects.get(key)
            return None if standing.content == content else standing
        return None

    def replace(self, key: str, content: bytes, standing: StoredObject) -> None:
        """Write an artefact in place of what was read.

        Raises
        ------
        PreconditionFailedError
            It has been changed since.
        """
        self._objects.put(
            key,
            content,
            content_type=_content_type(key),
            metadata={DIGEST: hashlib.sha256(content).hexdigest()},
            if_match=standing.etag,
        )

    def read(self, key: str, *, sha256: str | None = None) -> Artefact:
        """Read an artefact.

        Parameters
        ----------
        sha256
            The digest that another artefact states for it.

        Raises
        ------
        ProcessingError
            It is missing, or not what was written; the message names the key.
        """
        try:
            stored = self._objects.get(key)
        except ObjectNotFoundError as error:
            raise ProcessingError(
                f"the artefact {key!r} is missing in bucket {self._objects.bucket}: the stage "
                "that makes it has not run for this execution, or it was cleaned up",
                bucket=self._objects.bucket,
                key=key,
            ) from error
        return self._checked(key, stored, sha256)

    def find(self, key: str) -> Artefact | None:
        """Read an artefact as `read` does, or return None where there is none."""
        stored = self._objects.find(key)
        return None if stored is None else self._checked(key, stored, None)

    def read_model[M: BaseModel](self, key: str, model: type[M]) -> tuple[M, Artefact]:
        """Read a model.

        Raises
        ------
        ProcessingError
            As from `read`; or it is no such model, as another version of the project writes it.
        """
        artefact = self.read(key)
        return self.parse(key, artefact, model), artefact

    def parse[M: BaseModel](self, key: str, artefact: Artefact, model: type[M]) -> M:
        """Return the model that an artefact holds; raises as `read_model` does."""
        try:
            return model.model_validate_json(artefact.content)
        except ValidationError as error:
            raise ProcessingError(
                f"the artefact {key!r} is no {model.__name__} as this version of the function "
                "knows it: deploy all functions of one version, and start a new execution",
                bucket=self._objects.bucket,
                key=key,
                problems=error.error_count(),
            ) from error

    def remove_all(self, prefixes: Collection[str]) -> int:
        """Delete everything below prefixes and return the number of objects."""
        keys = [entry.key for prefix in prefixes for entry in self._objects.list(prefix)]
        return self._objects.delete(keys)

    def _checked(self, key: str, stored: StoredObject, sha256: str | None) -> Artefact:
        digest = hashlib.sha256(stored.content).hexdigest()
        if {stored.metadata.get(DIGEST), sha256 or digest} != {digest}:
            raise ProcessingError(
                f"the artefact {key!r} in bucket {self._objects.bucket} is damaged: its content "
                "does not have the digest with which it was written",
                bucket=self._objects.bucket,
                key=key,
            )
        return Artefact(stored.content, digest, stored.last_modified)


def _content_type(key: str) -> str:
    return _CONTENT_TYPES.get(key.rpartition(".")[2], "application/octet-stream")
