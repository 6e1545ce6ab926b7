"""One execution's whole set of reports under `reports/{id}/`, which is there for good.

Its files are written first and `summary.json`, which names them with their digests, last and only
once. So a set with a summary is finished; without, it is the rest of a run that was stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_ssm_fetcher.outputs.files import REPORT_FILES, SUMMARY_FILE
from aws_ssm_fetcher.outputs.summary import Summary
from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.keys import LATEST_PREFIX, set_prefix
from lambda_core.errors import ProcessingError


@dataclass(frozen=True)
class PublishedSet:
    """A finished set, each file of which is what the summary says.

    Attributes
    ----------
    summary
        What it is made of.
    contents
        Every file by its name, `summary.json` last.
    """

    summary: Summary
    contents: Mapping[str, bytes]

    @property
    def complete(self) -> bool:
        """Whether the source gave everything and no report is missing."""
        return self.summary.source_data.complete and not self.summary.reports_missing


def find_set(store: ArtefactStore, execution_id: str) -> PublishedSet | None:
    """Read a set, or return None where it is not finished.

    Raises
    ------
    ProcessingError
        A file of it is missing or damaged; the message names its key.
    """
    prefix = set_prefix(execution_id)
    key = f"{prefix}{SUMMARY_FILE}"
    artefact = store.find(key)
    if artefact is None:
        return None
    summary = store.parse(key, artefact, Summary)
    contents: dict[str, bytes] = {}
    for report in summary.reports_generated.values():
        # What a stored document says never becomes a key unless it is a name that we know.
        if REPORT_FILES[report.format].get(report.name) != report.file:
            raise ProcessingError(f"{key!r} names a file {report.file!r} that no report has")
        contents[report.file] = store.read(f"{prefix}{report.file}", sha256=report.sha256).content
    return PublishedSet(summary, contents | {SUMMARY_FILE: artefact.content})


def finish_set(
    store: ArtefactStore, execution_id: str, files: Mapping[str, bytes], summary: Summary
) -> None:
    """Write a set; does nothing more once another run of the execution has finished it."""
    prefix = set_prefix(execution_id)
    for name, content in files.items():
        key = f"{prefix}{name}"
        standing = store.write_new(key, content)
        if standing is None:
            continue
        # Another content stands there: of a run that was stopped, unless the set is finished.
        if store.find(f"{prefix}{SUMMARY_FILE}") is not None:
            return
        store.replace(key, content, standing)
    store.write_new(f"{prefix}{SUMMARY_FILE}", summary_bytes(summary))


def summary_bytes(summary: Summary) -> bytes:
    """Return the content of `summary.json`."""
    return f"{summary.model_dump_json(indent=2)}\n".encode()


def copy_to_latest(store: ArtefactStore, published: PublishedSet) -> None:
    """Copy a set to `reports/latest/`, and remove what it does not have from there.

    Readers who need one whole set follow the pointer: these copies change one by one.
    """
    known = {name for files in REPORT_FILES.values() for name in files.values()}
    for name, content in published.contents.items():
        store.write(f"{LATEST_PREFIX}{name}", content)
    stale = sorted(known.difference(published.contents))
    store.objects.delete(f"{LATEST_PREFIX}{name}" for name in stale)
