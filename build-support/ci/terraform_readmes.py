"""Writes the tables of inputs and outputs into the README of each Terraform module and stack.

    python build-support/ci/terraform_readmes.py

What stands above the tables is written by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

MARK = "<!-- The rest is written by build-support/ci/terraform_readmes.py. -->\n"

# Files as `terraform fmt` leaves them: an argument of a block is indented by two spaces, and goes
# on until the next line that is indented as little.
_BLOCK = r'^%s "(\w+)" \{\n(.*?)^\}$'
_ARGUMENT = r"^  %s += (.*?)(?=^  \w|^$|\Z)"


def folders(terraform: Path) -> list[Path]:
    """Return the folders of all modules and stacks."""
    return sorted(file.parent for file in terraform.glob("*/*/main.tf"))


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
            "| name | what | type | default |",
            "|---|---|---|---|",
            *inputs,
            "",
            "## Outputs",
            "",
            "| name | what |",
            "|---|---|",
            *outputs,
            "",
        ]
    )


def written(readme: str, generated: str) -> str:
    """Return a README with its tables, what is above them as it was."""
    by_hand = readme.split(MARK)[0].rstrip("\n")
    return f"{by_hand}\n\n{MARK}\n{generated}"


def _blocks(file: Path, kind: str) -> Iterator[tuple[str, str]]:
    text = file.read_text(encoding="utf-8")
    yield from sorted(re.findall(_BLOCK % kind, text, re.MULTILINE | re.DOTALL))


def _text(body: str, argument: str) -> str:
    """Return the value of an argument on one line; empty where it is not set."""
    found = re.search(_ARGUMENT % argument, body, re.MULTILINE | re.DOTALL)
    if not found:
        return ""
    # Of an object, each line that is followed by another is an attribute.
    text = re.sub(r"(?<=[^{(])\n\s+(?=\w)", ", ", found[1])
    return " ".join(text.split()).replace("|", "\\|")


def _description(folder: Path, name: str, body: str) -> str:
    text = _text(body, "description").strip('"')
    if not text:
        raise ValueError(f"{folder.name}: {name} has no description")
    return text


def _default(body: str) -> str:
    text = _text(body, "default")
    return f"`{text}`" if text else "must be given"


def main() -> int:
    """Write all READMEs; the exit code tells whether one is missing."""
    missing = 0
    for folder in folders(Path(__file__).resolve().parents[2] / "terraform"):
        readme = folder / "README.md"
        if not readme.exists():
            print(f"{readme} is missing: write first what it is for", file=sys.stderr)
            missing += 1
            continue
        text = readme.read_text(encoding="utf-8")
        readme.write_text(written(text, tables(folder)), encoding="utf-8")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
