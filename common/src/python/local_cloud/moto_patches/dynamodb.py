"""Patches of moto's DynamoDB."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from typing import Any

from local_cloud.moto_patches.replacing import Moto, added, around


def failed_transactions_undo_only_their_writes() -> None:
    """Undo only a transaction's own writes if it fails.

    AWS isolates transactions from other writes
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html). moto
    copies the whole table before each transaction, so a thousand transactions take minutes. If a
    transaction fails, moto restores the copy, and all other writes since then are lost.
    """
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.table import Table

    current = threading.local()
    lock = threading.RLock()

    def serialized(original: Callable[..., Any], *arguments: object, **named: object) -> object:
        with lock:
            return original(*arguments, **named)

    for name in ("put_item", "update_item", "delete_item"):
        around(DynamoDBBackend, name)(serialized)

    @around(DynamoDBBackend, "transact_write_items")
    def transact(
        original: Callable[..., None], self: Moto, transact_items: list[dict[str, Any]]
    ) -> None:
        with lock:
            before = [
                (table, *key, copy.deepcopy(_item(table, *key)))
                for table, *key in _touched(self, transact_items)
            ]
            current.in_transaction = True
            try:
                original(self, transact_items)
            except Exception:
                for entry in before:
                    _restore(*entry)
                raise
            finally:
                current.in_transaction = False

    @added(Table, "__deepcopy__")
    def deepcopy(self: Moto, memo: dict[int, object]) -> Moto:
        if getattr(current, "in_transaction", False):
            # The copy that moto restores is not needed.
            return self
        result = copy.copy(self)
        result.__dict__ = copy.deepcopy(self.__dict__, memo)
        return result


def _touched(backend: Moto, transact_items: list[dict[str, Any]]) -> Iterator[tuple[Moto, ...]]:
    """Yield table, hash key and range key of each item; skip actions that moto rejects."""
    from moto.dynamodb.models.dynamo_type import DynamoType

    for action in (action for item in transact_items for action in item.values()):
        table = backend.tables.get(action.get("TableName"))
        key = action.get("Key") or action.get("Item") or {}
        names = (table.hash_key_attr, table.range_key_attr) if table else ()
        if table and all(name is None or name in key for name in names):
            yield table, *(DynamoType(key[name]) if name else None for name in names)


def _item(table: Moto, hash_key: Moto, range_key: Moto) -> Moto:
    if range_key is None:
        return table.items.get(hash_key)
    return table.items.get(hash_key, {}).get(range_key)


def _restore(table: Moto, hash_key: Moto, range_key: Moto, item: Moto) -> None:
    rows, key = table.items, hash_key
    if range_key is not None:
        rows, key = table.items[hash_key], range_key
    if item is None:
        rows.pop(key, None)
    else:
        rows[key] = item
    if range_key is not None and not rows:
        del table.items[hash_key]
