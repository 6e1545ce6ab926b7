"""Shell scripts, Dockerfiles and YAML: files without a target."""

from __future__ import annotations

from typing import Any, Iterable

from pants.core.goals.fmt import FmtFilesRequest, FmtResult
from pants.core.goals.lint import LintFilesRequest, LintResult
from pants.core.util_rules.partitions import PartitionerType, Partitions
from pants.engine.fs import PathGlobs, Snapshot
from pants.engine.process import FallibleProcessResult, ProcessResult
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.engine.unions import UnionRule
from pants.util.logging import LogLevel

from code_checks.tools import Hadolint, Shellcheck, Shfmt, ToolRun, Yamllint


class ShellcheckRequest(LintFilesRequest):
    """Report the findings of shellcheck."""

    tool_subsystem = Shellcheck


class ShfmtRequest(FmtFilesRequest):
    """Format shell scripts."""

    tool_subsystem = Shfmt
    partitioner_type = PartitionerType.CUSTOM


class HadolintRequest(LintFilesRequest):
    """Report the findings of hadolint."""

    tool_subsystem = Hadolint


class YamllintRequest(LintFilesRequest):
    """Report the findings of yamllint."""

    tool_subsystem = Yamllint


@rule
async def choose_for_shellcheck(
    request: ShellcheckRequest.PartitionRequest, tool: Shellcheck
) -> Partitions[str, Any]:
    """Choose the shell scripts to lint."""
    return Partitions() if tool.skip else Partitions.single_partition(tool.chosen(request.files))


@rule
async def choose_for_shfmt(
    request: ShfmtRequest.PartitionRequest, tool: Shfmt
) -> Partitions[str, Any]:
    """Choose the shell scripts to format."""
    if tool.skip:
        return Partitions()
    return Partitions.single_partition(tool.chosen(request.files))


@rule
async def choose_for_hadolint(
    request: HadolintRequest.PartitionRequest, tool: Hadolint
) -> Partitions[str, Any]:
    """Choose the Dockerfiles."""
    return Partitions() if tool.skip else Partitions.single_partition(tool.chosen(request.files))


@rule
async def choose_for_yamllint(
    request: YamllintRequest.PartitionRequest, tool: Yamllint
) -> Partitions[str, Any]:
    """Choose the YAML files."""
    return Partitions() if tool.skip else Partitions.single_partition(tool.chosen(request.files))


@rule(desc="Lint with shellcheck", level=LogLevel.DEBUG)
async def shellcheck(request: ShellcheckRequest.Batch[str, Any], tool: Shellcheck) -> LintResult:
    """Lint one batch of scripts."""
    files = await Get(Snapshot, PathGlobs(request.elements))
    run = tool.run("--external-sources", on=files, extra_files=tool.sourced)
    result = await Get(FallibleProcessResult, ToolRun, run)
    return LintResult.create(request, result, strip_chroot_path=True)


@rule(desc="Format with shfmt", level=LogLevel.DEBUG)
async def shfmt(request: ShfmtRequest.Batch, tool: Shfmt) -> FmtResult:
    """Format one batch of scripts."""
    options = ("--write", "--indent", "2", "--case-indent")
    run = tool.run(*options, on=request.snapshot, writes=True)
    result = await Get(ProcessResult, ToolRun, run)
    return await FmtResult.create(request, result, strip_chroot_path=True)


@rule(desc="Lint with hadolint", level=LogLevel.DEBUG)
async def hadolint(request: HadolintRequest.Batch[str, Any], tool: Hadolint) -> LintResult:
    """Lint one batch of Dockerfiles."""
    files = await Get(Snapshot, PathGlobs(request.elements))
    result = await Get(FallibleProcessResult, ToolRun, tool.run(on=files))
    return LintResult.create(request, result, strip_chroot_path=True)


@rule(desc="Lint with yamllint", level=LogLevel.DEBUG)
async def yamllint(request: YamllintRequest.Batch[str, Any], tool: Yamllint) -> LintResult:
    """Lint one batch of YAML files; a warning is a failure, too."""
    files = await Get(Snapshot, PathGlobs(request.elements))
    result = await Get(FallibleProcessResult, ToolRun, tool.run("--strict", on=files))
    return LintResult.create(request, result, strip_chroot_path=True)


def rules() -> Iterable[Rule | UnionRule]:
    """Rules of this module."""
    return (
        *collect_rules(),
        *ShellcheckRequest.rules(),
        *ShfmtRequest.rules(),
        *HadolintRequest.rules(),
        *YamllintRequest.rules(),
    )
