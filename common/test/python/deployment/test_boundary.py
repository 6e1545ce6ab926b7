from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[4]

MODULES = ROOT / "terraform/modules"


def test_no_role_of_a_stack_is_without_the_boundary() -> None:
    make_roles = set()
    for file in MODULES.glob("*/main.tf"):
        text = file.read_text(encoding="utf-8")
        roles = text.count('resource "aws_iam_role" ')
        assert text.count("= var.permissions_boundary_arn\n") == roles, file
        make_roles |= {file.parent.name} if roles else set()
    assert make_roles == {"lambda_function", "schedule", "state_machine"}
    # The stack of GitHub's roles makes the boundary, and is deployed by a person.
    for file in (ROOT / "terraform/stacks").glob("*/*.tf"):
        if file.parent.name == "github_oidc":
            continue
        text = file.read_text(encoding="utf-8")
        assert 'resource "aws_iam_role" ' not in text, f"{file}: a module makes roles"
        used = re.findall(r'source\s+= "\.\./\.\./modules/(\w+)"', text)
        making = [name for name in used if name in make_roles]
        assert len(re.findall(r"permissions_boundary_arn += var\.", text)) == len(making), file


def actions(text: str) -> set[str]:
    """Return the actions that policies name."""
    named = set(re.findall(r'"([a-z0-9]+:[A-Z]\w+)"', text))
    # Keys of conditions, and what a service does to take its role.
    return {one for one in named if not one.startswith(("aws:", "sts:"))}


def test_the_boundary_holds_all_that_roles_are_allowed() -> None:
    stacks = ROOT / "terraform/stacks"
    text = (stacks / "github_oidc/permissions.tf").read_text(encoding="utf-8")
    (boundary,) = re.findall(
        r'^data "aws_iam_policy_document" "boundary" \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL
    )
    files = [file for file in stacks.glob("*/permissions.tf") if "github_oidc" not in file.parts]
    files += [MODULES / f"{name}/main.tf" for name in ("lambda_function", "schedule")]
    files += [MODULES / "state_machine/main.tf"]
    for file in files:
        allowed = actions(file.read_text(encoding="utf-8"))
        assert allowed, file
        assert allowed <= actions(boundary), f"{file}: {sorted(allowed - actions(boundary))}"
