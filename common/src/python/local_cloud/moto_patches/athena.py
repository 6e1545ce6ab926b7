"""Mends of moto's Athena."""

from __future__ import annotations

from local_cloud.moto_patches.replacing import Moto, added


def delete_named_query() -> None:
    """Let a saved query be deleted.

    AWS: https://docs.aws.amazon.com/athena/latest/APIReference/API_DeleteNamedQuery.html.
    moto has no such action, so that whoever created a query cannot remove it.
    """
    from moto.athena.responses import AthenaResponse

    @added(AthenaResponse, "delete_named_query")
    def delete(self: Moto) -> tuple[int, dict[str, str], str]:
        self.athena_backend.named_queries.pop(self._get_param("NamedQueryId"), None)
        return 200, {}, "{}"
