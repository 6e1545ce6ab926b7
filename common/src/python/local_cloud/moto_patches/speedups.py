"""Makes moto faster without changing its responses.

A report of regions and services takes 1,173 calls, and the tests make far more. Without these
patches, moto spends most of the time searching lists that do not change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from local_cloud.moto_patches.replacing import Moto, around

TREE: Final = "/aws/service/global-infrastructure"
"""Parameters below this path never change, because only AWS can write below `/aws`."""

MAX_PARAMETERS: Final = 10
"""Parameters on a page; moto refuses requests for more."""


def service_names() -> None:
    """List the services of moto only once; moto lists a folder twice for each request."""
    from moto import backends

    names = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: names


def public_parameters_by_path() -> None:
    """Look up public parameters by the path of their parent.

    moto searches all of its 54,000 parameters for each page of ten.
    """
    from moto.ssm.models import SimpleSystemManagerBackend

    @around(SimpleSystemManagerBackend, "get_parameters_by_path")
    def get_parameters_by_path(
        original: Callable[..., object],
        self: Moto,
        path: str,
        recursive: bool,
        filters: object = None,
        next_token: str | None = None,
        max_results: int = MAX_PARAMETERS,
    ) -> object:
        parent = path.rstrip("/")
        in_tree = f"{parent}/".startswith(f"{TREE}/")
        if recursive or filters or max_results > MAX_PARAMETERS or not in_tree:
            return original(self, path, recursive, filters, next_token, max_results)
        names = _children(self._parameters).get(parent, ())
        page, token = self._get_values_nexttoken(names, max_results, next_token)
        return [self._parameters[name][-1] for name in page], token


def attribute_values() -> None:
    """Write DynamoDB's attribute values into responses unchanged.

    moto already has them in the format of the response. Nevertheless, it looks up each of the ten
    possible types under several names, which takes most of the time of reading items.
    """
    from moto.core.serialize import BaseJSONSerializer

    @around(BaseJSONSerializer, "_serialize_type_structure")
    def structure(
        original: Callable[..., None],
        self: Moto,
        serialized: Moto,
        value: Moto,
        shape: Moto,
        key: str,
    ) -> None:
        if shape.name == "AttributeValue" and is_json_value(value):
            self._default_serialize(serialized, value, shape, key)
        else:
            original(self, serialized, value, shape, key)


def update_expressions() -> None:
    """Count the clauses of DynamoDB's update expressions once per expression.

    moto counts them again for each part of the expression, so that setting twenty attributes takes
    four times as long. For each node, it also collects the types that a visitor is interested in.
    """
    from moto.dynamodb.parsing.ast_nodes import (  # type: ignore[attr-defined]  # not typed
        DepthFirstTraverser,
    )
    from moto.dynamodb.parsing.validators import ActionCountValidator

    @around(ActionCountValidator, "verify_action_counts")
    def verify_action_counts(original: Callable[..., object], self: Moto, node: Moto) -> object:
        # The whole expression contains the clauses of all its parts.
        return node if node.parent is not None else original(self, node)

    @around(DepthFirstTraverser, "nodes_to_be_processed")
    def nodes_to_be_processed(original: Callable[..., object], self: Moto) -> object:
        if not hasattr(self, "types_to_be_processed"):
            self.types_to_be_processed = original(self)
        return self.types_to_be_processed


def is_json_value(value: object) -> bool:
    """Whether an attribute value is valid as JSON; values with bytes are not."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    [(kind, content)] = value.items()
    match kind:
        case "S" | "N":
            return type(content) is str
        case "BOOL" | "NULL":
            return type(content) is bool
        case "SS" | "NS":
            return all(type(member) is str for member in content)
        case "L":
            return all(map(is_json_value, content))
        case "M":
            return all(map(is_json_value, content.values()))
        case _:
            return False


def _children(parameters: Moto) -> Mapping[str, Sequence[str]]:
    """Return the names of the children of each path in the tree, in moto's order."""
    if not hasattr(parameters, "children_in_tree"):
        # This loads both halves of the tree; see `ssm.public_parameters_are_complete`.
        parameters._check_loading_status(f"{TREE}/regions")
        parameters.children_in_tree = by_parent(parameters)
    children: Mapping[str, Sequence[str]] = parameters.children_in_tree
    return children


def by_parent(names: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Group the names in the tree by the path of their parent."""
    children: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        if name.startswith(f"{TREE}/"):
            children[name.rpartition("/")[0]].append(name)
    return dict(children)
