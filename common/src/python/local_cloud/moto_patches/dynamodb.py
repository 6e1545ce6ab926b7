"""Mends of moto's DynamoDB."""

from __future__ import annotations

import copy
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from local_cloud.moto_patches.replacing import Moto, added, around


def transactions_leave_others_alone() -> None:
    """Let a transaction that fails undo its own writes, and nobody else's.

    AWS isolates transactions from other writes
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html). moto
    copies every item of the table before each, so that a thousand of them take minutes, and puts
    the whole copy back where one fails: what others wrote meanwhile is lost.
    """
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.dynamo_type import DynamoType
    from moto.dynamodb.models.table import Table

    current = threading.local()
    turn = threading.RLock()

    def one_at_a_time(original: Callable[..., Any], *arguments: object, **named: object) -> object:
        with turn:
            return original(*arguments, **named)

    for name in ("put_item", "update_item", "delete_item"):
        around(DynamoDBBackend, name)(one_at_a_time)

    @around(DynamoDBBackend, "transact_write_items")
    def transact(
        original: Callable[..., None], self: Moto, transact_items: list[dict[str, Any]]
    ) -> None:
        with turn:
            current.actions = [action for item in transact_items for action in item.values()]
            try:
                original(self, transact_items)
            finally:
                current.actions = None

    @added(Table, "__deepcopy__")
    def snapshot(self: Moto, memo: dict[int, object]) -> Moto:
        clone = copy.copy(self)
        actions = getattr(current, "actions", None)
        if actions is None:
            clone.__dict__ = copy.deepcopy(self.__dict__, memo)
            return clone
        clone.items = defaultdict(
            dict, {key: dict(row) if self.has_range_key else row for key, row in self.items.items()}
        )
        for action in actions:
            if action["TableName"] != self.name:
                continue
            key = action.get("Key") or action["Item"]
            hash_key = DynamoType(key[self.hash_key_attr])
            # Changed in place by an update; a put or a delete takes another's place.
            if not self.has_range_key:
                if hash_key in clone.items:
                    clone.items[hash_key] = copy.deepcopy(clone.items[hash_key])
                continue
            range_key = DynamoType(key[self.range_key_attr])
            if range_key in clone.items.get(hash_key, {}):
                row = clone.items[hash_key]
                row[range_key] = copy.deepcopy(row[range_key])
        return clone
