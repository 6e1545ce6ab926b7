"""What tests of the functions share: an environment with tables, servers and a conversation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from patch_tracker_testing.mails import make_mail
from patch_tracker_testing.sources import Sources, running_sources
from patch_tracker_testing.tables import PROJECT, Tables, new_tables

from patch_tracker.models import MailKind

CONVERSATION = [
    make_mail("c", kind=MailKind.COVER),
    make_mail("p", parents=["c"], kind=MailKind.PATCH, minute=1),
    make_mail("r", parents=["p", "c"], minute=2),
]


@contextmanager
def function_environment(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Tables, Sources]]:
    """Set what the functions read from the environment."""
    tables = new_tables(endpoint)
    with running_sources(CONVERSATION) as sources:
        for variable, value in {
            "AWS_ENDPOINT_URL": endpoint,
            "PATCHES_TABLE": tables.names["patches"],
            "DISCUSSIONS_TABLE": tables.names["discussions"],
            "CONTACT": "tests@example.org",
            "PATCHWORK_URL": sources.patchwork.url,
            "PATCHWORK_PROJECT": PROJECT,
            "LORE_URL": sources.lore.url,
            "LORE_LIST": PROJECT,
            "REQUEST_SPACING_SECONDS": "0",
            # The made-up mails are from 2021.
            "FIRST_DAYS": "3650",
            "REFRESH_DAYS": "3650",
        }.items():
            monkeypatch.setenv(variable, value)
        yield tables, sources
