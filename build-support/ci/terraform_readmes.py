"""Writes the tables of inputs and outputs into the README of each Terraform module and stack.

    python build-support/ci/terraform_readmes.py

The text above the tables is written by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

MARK = "<!-- build-support/ci/terraform_readmes.py writes everything below this line. -->\n"

# For files that `terraform fmt` has formatted: an argument of a block is indented by two spaces and
# ends before the next line with that indentation.
_BLOCK = r'^%s "(\w+)" \{\n(.*?)^\}$'
_ARGUMENT = r"^  %s += (.*?)(?=^  \w|^$|\Z)"


def folders(root: Path) -> list[Path]:
    """Return the folders of all modules, stacks and functions with a Terraform configuration.

    Parameters
    ----------
    root
        Folder of the repository.
    """
    patterns = ("terraform/*/*/main.tf", "lambda/*/main.tf")
    return sorted(file.parent for pattern in patterns for file in root.glob(pattern))


def tables(folder: Path) -> str:
    """Return the inputs and outputs of a module as tables, from its files.

    Raises
    ------
    ValueError
        If an input or output has no description.
    """
    inputs = [
        f"| `{name}` | {_description(folder, name, body)} | `{_text(body, 'type')}` | "
        f"{_default(body)} |"
        for name, body in _blocks(folder / "variables.tf", "variable")
    ]
    outputs = [
        f"| `{name}` | {_description(folder, name, body)} |"
        for name, body in _blocks(folder / "outputs.tf", "output")
    ]
    return "\n".join(
        [
            "## Inputs",
            "",
            "| name | description | type | default |",
            "|---|---|---|---|",
            *inputs,
            "",
            "## Outputs",
            "",
            "| name | description |",
            "|---|---|",
            *outputs,
            "",
        ]
    )


def written(readme: str, generated: str) -> str:
    """Return a README with new tables. The text above them does not change."""
    by_hand = readme.split(MARK)[0].rstrip("\n")
    return f"{by_hand}\n\n{MARK}\n{generated}"


def _blocks(file: Path, kind: str) -> Iterator[tuple[str, str]]:
    text = file.read_text(encoding="utf-8")
    yield from sorted(re.findall(_BLOCK % kind, text, re.MULTILINE | re.DOTALL))


def _text(body: str, argument: str) -> str:
    """Return the value of an argument on a single line; empty if it is not set."""
    found = re.search(_ARGUMENT % argument, body, re.MULTILINE | re.DOTALL)
    if not found:
        return ""
    # Each line inside an object type is an attribute; join them with commas.
    text = re.sub(r"(?<=[^{(])\n\s+(?=\w)", ", ", found[1])
    return " ".join(text.split()).replace("|", "\\|")


def _description(folder: Path, name: str, body: str) -> str:
    text = _text(body, "description").strip('"')
    if not text:
        raise ValueError(f"{folder.name}: {name} has no description")
    return text


def _default(body: str) -> str:
    text = _text(body, "default")
    return f"`{text}`" if text else "required"


def main() -> int:
    """Write all READMEs; the exit code is 1 if a README is missing."""
    missing = 0
    for folder in folders(Path(__file__).resolve().parents[2]):
        readme = folder / "README.md"
        if not readme.exists():
            print(f"{readme} is missing: describe the folder there first", file=sys.stderr)
            missing += 1
            continue
        text = readme.read_text(encoding="utf-8")
        readme.write_text(written(text, tables(folder)), encoding="utf-8")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
