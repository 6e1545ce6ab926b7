from __future__ import annotations

import re
from pathlib import Path

import pytest
import terraform_readmes
from scripts.script_clone import ROOT

TERRAFORM = ROOT / "terraform"

FOLDERS = terraform_readmes.folders(ROOT)


def test_functions_with_a_configuration_have_tables_too() -> None:
    assert ROOT / "lambda/event_log_checkpoint" in FOLDERS
    assert TERRAFORM / "modules/function_set" in FOLDERS


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_readme_has_the_inputs_and_outputs_as_they_are(folder: Path) -> None:
    readme = (folder / "README.md").read_text(encoding="utf-8")
    expected = terraform_readmes.written(readme, terraform_readmes.tables(folder))
    assert readme == expected, "run: python build-support/ci/terraform_readmes.py"
    # The README of a function is about more than Terraform, and has its own title.
    title = f"# {folder.name}\n\n" if TERRAFORM in folder.parents else "# "
    assert readme.startswith(title)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_input_or_output_is_overlooked(folder: Path) -> None:
    declared = {
        name
        for file in folder.glob("*.tf")
        for name in re.findall(r'^(?:variable|output) "(\w+)"', file.read_text(), re.MULTILINE)
    }
    assert set(re.findall(r"^\| `(\w+)` \|", terraform_readmes.tables(folder), re.M)) == declared


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_links_lead_somewhere(folder: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", (folder / "README.md").read_text(encoding="utf-8")):
        assert (folder / link).resolve().exists(), link


def test_an_object_and_its_default(tmp_path: Path) -> None:
    (tmp_path / "variables.tf").write_text(
        """variable "size" {
  description = "How large, such as `a|b`."
  type = object({
    width  = number
    labels = optional(map(string), {})
  })
  default = { width = 1 }

  validation {
    condition     = var.size.width > 0
    error_message = "no"
  }
}
"""
    )
    (tmp_path / "outputs.tf").write_text("")
    assert (
        "| `size` | How large, such as `a\\|b`. | `object({ width = number, "
        "labels = optional(map(string), {}) })` | `{ width = 1 }` |\n"
    ) in terraform_readmes.tables(tmp_path)


def test_what_has_no_description_is_named(tmp_path: Path) -> None:
    (tmp_path / "variables.tf").write_text('variable "size" {\n  type = number\n}\n')
    with pytest.raises(ValueError, match=f"{tmp_path.name}: size has no description"):
        terraform_readmes.tables(tmp_path)


def test_each_exception_of_checkov_has_its_reason() -> None:
    skips = [
        (file, line)
        for folder in (TERRAFORM, *FOLDERS)
        for file in folder.rglob("*.tf")
        for line in file.read_text(encoding="utf-8").splitlines()
        if "checkov:skip" in line
    ]
    assert skips
    for file, line in skips:
        assert re.fullmatch(r"\s+#checkov:skip=CKV2?_AWS_\d+: \S.{15,}", line), f"{file}: {line}"
