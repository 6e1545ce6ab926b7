from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[4]

MODULES = ROOT / "terraform/modules"


FOLDERS = sorted(
    file.parent
    for pattern in ("terraform/*/*/main.tf", "lambda/*/main.tf")
    for file in ROOT.glob(pattern)
    # A person deploys this stack, which creates the boundary.
    if file.parent.name != "github_oidc"
)


def configuration(folder: Path) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.tf")))


def creators_of_roles(folder: Path) -> int:
    """Count the roles in a folder, and the modules it uses that create roles."""
    text = configuration(folder)
    modules = re.findall(r'^  source\s+= "([^"]+)"$', text, re.MULTILINE)
    roles = text.count('resource "aws_iam_role" ')
    return roles + sum(creators_of_roles((folder / module).resolve()) > 0 for module in modules)


def test_no_role_of_a_stack_is_without_the_boundary() -> None:
    creating = {folder: creators_of_roles(folder) for folder in FOLDERS}
    for folder, count in creating.items():
        passed = re.findall(r"permissions_boundary(?:_arn)? += var\.", configuration(folder))
        assert len(passed) == count, folder
    assert {folder.relative_to(ROOT).as_posix() for folder, count in creating.items() if count} == {
        "lambda/event_log_checkpoint",
        "terraform/modules/function_set",
        "terraform/modules/lambda_function",
        "terraform/modules/schedule",
        "terraform/modules/state_machine",
        "terraform/stacks/event_log_checkpoint",
        "terraform/stacks/patch_tracker",
        "terraform/stacks/region_report",
    }


def actions(text: str) -> set[str]:
    """Return the actions that policies name."""
    named = set(re.findall(r'"([a-z0-9]+:[A-Z]\w+)"', text))
    # Condition keys, and the action with which a service assumes its role.
    return {name for name in named if not name.startswith(("aws:", "sts:"))}


def test_the_boundary_holds_all_that_roles_are_allowed() -> None:
    stacks = ROOT / "terraform/stacks"
    text = (stacks / "github_oidc/permissions.tf").read_text(encoding="utf-8")
    (boundary,) = re.findall(
        r'^data "aws_iam_policy_document" "boundary" \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL
    )
    files = [file for file in stacks.glob("*/permissions.tf") if "github_oidc" not in file.parts]
    files += [MODULES / f"{name}/main.tf" for name in ("lambda_function", "schedule")]
    files += [MODULES / "state_machine/main.tf", ROOT / "lambda/event_log_checkpoint/main.tf"]
    for file in files:
        allowed = actions(file.read_text(encoding="utf-8"))
        assert allowed, file
        assert allowed <= actions(boundary), f"{file}: {sorted(allowed - actions(boundary))}"
