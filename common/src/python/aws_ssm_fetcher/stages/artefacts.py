"""Artefacts: the objects that one stage stores for the next, with a digest that readers check.

The digest is the hexadecimal SHA-256 of the content, stored in the object's metadata under
`sha256`. Writing the same content again changes nothing.
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
    """An artefact whose content matched its digest.

    Attributes
    ----------
    content, sha256
        The content and its digest.
    written_at
        The time of writing, according to S3.
    """

    content: bytes
    sha256: str
    written_at: dt.datetime


class ArtefactStore:
    """The artefacts in one bucket. All methods raise `S3Error` if S3 rejects a request or fails."""

    def __init__(self, objects: S3Objects) -> None:
        self._objects = objects

    @classmethod
    def open(cls, bucket: str) -> ArtefactStore:
        """Create a store with its own S3 client, in the region of the environment."""
        client = aws.client("s3", user_agent=f"aws-ssm-fetcher/{__version__}")
        return cls(S3Objects(client, bucket))

    @property
    def objects(self) -> S3Objects:
        """The bucket's objects, for access to objects that are not artefacts."""
        return self._objects

    def location(self, prefix: str) -> str:
        """Return the `s3://` URL of a prefix, as stages pass it on."""
        return f"s3://{self._objects.bucket}/{prefix}"

    def require_location(self, given: str, prefix: str) -> None:
        """Check that a location is the expected prefix in this bucket.

        Raises
        ------
        InvalidEventError
            If it is in another bucket, or belongs to another execution or stage.
        """
        expected = self.location(prefix)
        if given != expected:
            raise InvalidEventError(
                f"data_location must be {expected}, the location of this execution in the "
                "configured bucket, but it is a different one",
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
        """Write an artefact unless the key exists.

        Returns
        -------
        StoredObject or None
            The existing object if its content differs; None if the artefact was written, or
            existed with the same content.
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
            current = self._objects.get(key)
            return None if current.content == content else current
        return None

    def replace(self, key: str, content: bytes, current: StoredObject) -> None:
        """Replace an object that was read before.

        Raises
        ------
        PreconditionFailedError
            If it has changed since then.
        """
        self._objects.put(
            key,
            content,
            content_type=_content_type(key),
            metadata={DIGEST: hashlib.sha256(content).hexdigest()},
            if_match=current.etag,
        )

    def read(self, key: str, *, sha256: str | None = None) -> Artefact:
        """Read an artefact.

        Parameters
        ----------
        sha256
            The expected digest, if another artefact states it.

        Raises
        ------
        ProcessingError
            If it is missing or damaged; the message names the key.
        """
        try:
            stored = self._objects.get(key)
        except ObjectNotFoundError as error:
            raise ProcessingError(
                f"the artefact {key!r} is missing in bucket {self._objects.bucket}: the stage "
                "that creates it has not run for this execution, or it was already cleaned up",
                bucket=self._objects.bucket,
                key=key,
            ) from error
        return self._checked(key, stored, sha256)

    def find(self, key: str) -> Artefact | None:
        """Read an artefact as `read` does, but return None if it does not exist."""
        stored = self._objects.find(key)
        return None if stored is None else self._checked(key, stored, None)

    def read_model[M: BaseModel](self, key: str, model: type[M]) -> tuple[M, Artefact]:
        """Read a model.

        Raises
        ------
        ProcessingError
            As from `read`, and if the content does not fit the model, which means that another
            version of the project wrote it.
        """
        artefact = self.read(key)
        return self.parse(key, artefact, model), artefact

    def parse[M: BaseModel](self, key: str, artefact: Artefact, model: type[M]) -> M:
        """Return the model in an artefact that was already read; raises as `read_model` does."""
        try:
            return model.model_validate_json(artefact.content)
        except ValidationError as error:
            raise ProcessingError(
                f"the artefact {key!r} is not a {model.__name__} of this version of the function: "
                "deploy the same version of all functions, then start a new execution",
                bucket=self._objects.bucket,
                key=key,
                problems=error.error_count(),
            ) from error

    def remove_all(self, prefixes: Collection[str]) -> int:
        """Delete all objects below the prefixes and return their number."""
        keys = [entry.key for prefix in prefixes for entry in self._objects.list(prefix)]
        return self._objects.delete(keys)

    def _checked(self, key: str, stored: StoredObject, sha256: str | None) -> Artefact:
        digest = hashlib.sha256(stored.content).hexdigest()
        if {stored.metadata.get(DIGEST), sha256 or digest} != {digest}:
            raise ProcessingError(
                f"the artefact {key!r} in bucket {self._objects.bucket} is damaged: its content "
                "does not match its digest",
                bucket=self._objects.bucket,
                key=key,
            )
        return Artefact(stored.content, digest, stored.last_modified)


def _content_type(key: str) -> str:
    return _CONTENT_TYPES.get(key.rpartition(".")[2], "application/octet-stream")
