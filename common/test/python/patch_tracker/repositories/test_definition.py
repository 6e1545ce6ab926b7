"""The definition of the tables, which Terraform reads, fits the code."""

from __future__ import annotations

import datetime as dt

from patch_tracker_testing.tables import Tables, tables_file

from patch_tracker.models import Discussion, MailKind, Person, Trailer
from patch_tracker.repositories import keys
from patch_tracker.repositories.discussions import discussion_item, discussion_of
from run_local.dynamodb_tables import let_items_expire, read_definitions


def test_the_indexes_are_those_that_the_code_queries() -> None:
    tables = read_definitions(tables_file())
    assert set(tables["patches"].indexes) == {
        keys.SUBMITTER_INDEX,
        keys.SERIES_INDEX,
        keys.STATUS_INDEX,
    }
    assert set(tables["discussions"].indexes) == {
        keys.PATCH_INDEX,
        keys.THREAD_INDEX,
        keys.AUTHOR_INDEX,
    }
    projections = {
        name: index.projection for table in tables.values() for name, index in table.indexes.items()
    }
    assert set(projections.values()) == {"KEYS_ONLY", "INCLUDE"}


def test_the_indexes_of_mails_contain_what_lists_show() -> None:
    author = Person("anna@example.org", "Anna")
    mail = Discussion(
        project="example",
        message_id="r",
        timestamp=dt.datetime(2021, 10, 21, tzinfo=dt.UTC),
        digest="0" * 16,
        kind=MailKind.REPLY,
        author=author,
        subject="Re: x",
        parents=("p",),
        thread="p",
        target="p",
        trailers=(Trailer("Acked-by", author, verified=True),),
        review=True,
        sentiment_rule="trailer",
        problems=("no date",),
    )
    item = discussion_item(mail)
    for index in read_definitions(tables_file())["discussions"].indexes.values():
        shown = {"id", "timestamp", index.hash_key, *index.attributes}
        assert discussion_of({name: item[name] for name in item if name in shown}) == mail
        assert "content" not in index.attributes


def test_items_expire_by_the_attribute_that_the_code_writes(tables: Tables) -> None:
    definitions = read_definitions(tables_file())
    let_items_expire(tables.client, definitions, tables.names)
    expiry = {
        name: tables.client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        for name, table in tables.names.items()
    }
    assert expiry["patches"]["TimeToLiveStatus"] == "DISABLED"
    assert expiry["discussions"]["TimeToLiveStatus"] == "ENABLED"
    assert expiry["discussions"]["AttributeName"] == keys.EXPIRY
