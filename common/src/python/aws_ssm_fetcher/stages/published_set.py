"""The set of reports of one execution, under `reports/{id}/`. A finished set never changes.

The files are written first. `summary.json`, which names them with their digests, is written last
and only once. A set with a summary is therefore finished; a set without a summary is left over from
a run that was stopped.
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
    """A finished set whose files match the digests in its summary.

    Attributes
    ----------
    summary
        The content of `summary.json`.
    contents
        The content of every file by file name, `summary.json` last.
    """

    summary: Summary
    contents: Mapping[str, bytes]

    @property
    def complete(self) -> bool:
        """Whether the source supplied everything and all reports exist."""
        return self.summary.source_data.complete and not self.summary.reports_missing


def find_set(store: ArtefactStore, execution_id: str) -> PublishedSet | None:
    """Read a set, or return None if it is not finished.

    Raises
    ------
    ProcessingError
        If one of its files is missing or damaged; the message names the key.
    """
    prefix = set_prefix(execution_id)
    key = f"{prefix}{SUMMARY_FILE}"
    artefact = store.find(key)
    if artefact is None:
        return None
    summary = store.parse(key, artefact, Summary)
    contents: dict[str, bytes] = {}
    for report in summary.reports_generated.values():
        # Only known file names become part of a key, never other text from a stored document.
        if REPORT_FILES[report.format].get(report.name) != report.file:
            raise ProcessingError(
                f"{key!r} names the file {report.file!r}, which is not a file of the report"
            )
        contents[report.file] = store.read(f"{prefix}{report.file}", sha256=report.sha256).content
    return PublishedSet(summary, contents | {SUMMARY_FILE: artefact.content})


def finish_set(
    store: ArtefactStore, execution_id: str, files: Mapping[str, bytes], summary: Summary
) -> None:
    """Write a set; stop if another run of the same execution has finished it."""
    prefix = set_prefix(execution_id)
    for name, content in files.items():
        key = f"{prefix}{name}"
        current = store.write_new(key, content)
        if current is None:
            continue
        # The key has other content. Unless the set is finished, a stopped run left it.
        if store.find(f"{prefix}{SUMMARY_FILE}") is not None:
            return
        store.replace(key, content, current)
    store.write_new(f"{prefix}{SUMMARY_FILE}", summary_bytes(summary))


def summary_bytes(summary: Summary) -> bytes:
    """Return the content of `summary.json`."""
    return f"{summary.model_dump_json(indent=2)}\n".encode()


def copy_to_latest(store: ArtefactStore, published: PublishedSet) -> None:
    """Copy a set to `reports/latest/`, and remove report files there that are not in the set.

    The copies change one after the other, so readers who need a consistent set use the pointer.
    """
    known = {name for files in REPORT_FILES.values() for name in files.values()}
    for name, content in published.contents.items():
        store.write(f"{LATEST_PREFIX}{name}", content)
    stale = sorted(known.difference(published.contents))
    store.objects.delete(f"{LATEST_PREFIX}{name}" for name in stale)
