"""Packages the functions of all stacks, where that is needed."""

from __future__ import annotations

from artefacts.packaging import packaged
from artefacts.repository import architecture, repository_root
from deployment.stacks import STACKS_FOLDER, find_stack


def main() -> None:
    """Package them for this machine, as a deployment to the local cloud would."""
    root = repository_root()
    for file in sorted((root / STACKS_FOLDER).glob("*/main.tf")):
        if functions := find_stack(root, file.parent.name, "dev").functions():
            packaged(root, architecture(), functions)


if __name__ == "__main__":
    main()
