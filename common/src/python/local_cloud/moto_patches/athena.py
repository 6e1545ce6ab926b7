"""Patches of moto's Athena."""

from __future__ import annotations

from local_cloud.moto_patches.replacing import Moto, added


def delete_named_query() -> None:
    """Support DeleteNamedQuery.

    AWS: https://docs.aws.amazon.com/athena/latest/APIReference/API_DeleteNamedQuery.html.
    moto does not support the action, so saved queries cannot be deleted.
    """
    from moto.athena.responses import AthenaResponse

    @added(AthenaResponse, "delete_named_query")
    def delete(self: Moto) -> tuple[int, dict[str, str], str]:
        self.athena_backend.named_queries.pop(self._get_param("NamedQueryId"), None)
        return 200, {}, "{}"
