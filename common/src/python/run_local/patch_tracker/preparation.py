"""What sample events of the patch tracker need: tables, and servers to read from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from run_local.dynamodb_tables import create_tables, let_items_expire
from run_local.patch_tracker.demonstration import TABLES, table_definitions
from run_local.patch_tracker.lore_server import LoreServer
from run_local.patch_tracker.patchwork_server import PatchworkServer
from run_local.patch_tracker.sample_mails import (
    PROJECT,
    STATES,
    bundled_mails,
    message_id,
    patch_named,
)
from run_local.preparation import Preparation

_MOST_MAILS: Final = 500
"""As many as the event of `fetch_discussions` may name."""


def prepare(preparation: Preparation) -> dict[str, str]:
    """Create the tables and start stand-in servers; returns the function's variables."""
    chosen = preparation.chosen
    variables = {
        "CONTACT": "local run",
        "PATCHES_TABLE": chosen.get("PATCHES_TABLE") or TABLES["patches"],
        "DISCUSSIONS_TABLE": chosen.get("DISCUSSIONS_TABLE") or TABLES["discussions"],
    }
    _create_tables(preparation, variables)
    if "PATCHWORK_URL" in chosen and "LORE_URL" in chosen:
        return variables
    project = chosen.get("PATCHWORK_PROJECT") or PROJECT
    mail_list = chosen.get("LORE_LIST") or project
    # The same mails all day, so that later invocations in the same cloud recognize them.
    now = dt.datetime.combine(dt.datetime.now(dt.UTC).date(), dt.time(), dt.UTC)
    mails = list(bundled_mails(now))
    known = {mail.message_id for mail in mails}
    named = [name for name in _message_ids(preparation.event) if name not in known]
    for name in named:
        # The function itself reports a message ID that no mail can have.
        if name.isprintable() and name.isascii():
            mails.append(patch_named(name, now))
    count = f"{len(mails)} sample mails"
    if "PATCHWORK_URL" not in chosen:
        patchwork = preparation.stack.enter_context(PatchworkServer(project, mails))
        for key, state in STATES.items():
            patchwork.set_state(message_id(key), state)
        variables |= {"PATCHWORK_URL": patchwork.url, "PATCHWORK_PROJECT": project}
        preparation.report(f"started a stand-in for Patchwork with {count}: {patchwork.url}")
    if "LORE_URL" not in chosen:
        lore = preparation.stack.enter_context(LoreServer(mail_list, mails))
        variables |= {"LORE_URL": lore.url, "LORE_LIST": mail_list}
        preparation.report(f"started a stand-in for lore with {count}: {lore.url}")
    if not {"PATCHWORK_URL", "LORE_URL"} & chosen.keys():
        # The stand-ins need no pause between requests.
        variables["REQUEST_SPACING_SECONDS"] = "0"
    return variables


def _create_tables(preparation: Preparation, variables: dict[str, str]) -> None:
    client = preparation.clients("dynamodb")
    names = {
        "patches": variables["PATCHES_TABLE"],
        "discussions": variables["DISCUSSIONS_TABLE"],
    }
    pages = client.get_paginator("list_tables").paginate()
    existing = {name for page in pages for name in page["TableNames"]}
    missing = {
        key: definition
        for key, definition in table_definitions().items()
        if names[key] not in existing
    }
    create_tables(client, missing, names)
    let_items_expire(client, missing, names)
    for key in missing:
        preparation.report(f"created table {names[key]}")


def _message_ids(event: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield the message IDs of the event, or of the response in a destination's record."""
    response = event.get("responsePayload")
    found = (response if isinstance(response, dict) else event).get("message_ids")
    if isinstance(found, list):
        yield from (name for name in found[:_MOST_MAILS] if isinstance(name, str))
