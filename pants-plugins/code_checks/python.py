"""Ruff: lints and fixes Python, and formats Python and BUILD files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Iterable

from pants.backend.python.target_types import PythonSourceField
from pants.core.goals.fix import FixResult, FixTargetsRequest
from pants.core.goals.fmt import FmtFilesRequest, FmtResult, FmtTargetsRequest
from pants.core.goals.lint import LintResult, LintTargetsRequest
from pants.core.util_rules.partitions import PartitionerType, Partitions
from pants.core.util_rules.source_files import SourceFiles, SourceFilesRequest
from pants.engine.process import FallibleProcessResult, ProcessResult
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.engine.target import FieldSet
from pants.engine.unions import UnionRule
from pants.util.logging import LogLevel
from pants.util.meta import classproperty

from code_checks.tools import Ruff, ToolRun


@dataclass(frozen=True)
class PythonFieldSet(FieldSet):
    """The field of a target that ruff reads: its source file."""

    required_fields = (PythonSourceField,)

    source: PythonSourceField


class RuffFixRequest(FixTargetsRequest):
    """Apply the fixes that ruff considers safe."""

    field_set_type = PythonFieldSet
    tool_subsystem = Ruff
    partitioner_type = PartitionerType.DEFAULT_SINGLE_PARTITION

    @classproperty
    def tool_name(cls) -> str:
        """Name in the summary of a goal."""
        return "ruff check --fix"


class RuffLintRequest(LintTargetsRequest):
    """Report the findings of ruff."""

    field_set_type = PythonFieldSet
    tool_subsystem = Ruff
    partitioner_type = PartitionerType.DEFAULT_SINGLE_PARTITION

    @classproperty
    def tool_name(cls) -> str:
        """Name in the summary of a goal."""
        return "ruff check"


class RuffFormatRequest(FmtTargetsRequest):
    """Format Python sources."""

    field_set_type = PythonFieldSet
    tool_subsystem = Ruff
    partitioner_type = PartitionerType.DEFAULT_SINGLE_PARTITION

    @classproperty
    def tool_name(cls) -> str:
        """Name in the summary of a goal."""
        return "ruff format"


class RuffFormatBuildFilesRequest(FmtFilesRequest):
    """Format BUILD files, which are Python files without a target."""

    tool_subsystem = Ruff
    partitioner_type = PartitionerType.CUSTOM

    @classproperty
    def tool_name(cls) -> str:
        """Name in the summary of a goal."""
        return "ruff format (BUILD files)"


@rule(desc="Fix with ruff", level=LogLevel.DEBUG)
async def fix(request: RuffFixRequest.Batch, ruff: Ruff) -> FixResult:
    """Fix one batch; the linter reports what cannot be fixed."""
    options = ("check", "--fix", "--exit-zero", "--no-cache")
    run = ruff.run(*options, on=request.snapshot, writes=True)
    result = await Get(ProcessResult, ToolRun, run)
    return await FixResult.create(request, result, strip_chroot_path=True)


@rule(desc="Lint with ruff", level=LogLevel.DEBUG)
async def lint(request: RuffLintRequest.Batch[PythonFieldSet, Any], ruff: Ruff) -> LintResult:
    """Lint one batch."""
    sources = await Get(
        SourceFiles, SourceFilesRequest(field_set.source for field_set in request.elements)
    )
    run = ruff.run("check", "--no-cache", on=sources.snapshot)
    result = await Get(FallibleProcessResult, ToolRun, run)
    return LintResult.create(request, result, strip_chroot_path=True)


@rule(desc="Format with ruff", level=LogLevel.DEBUG)
async def format_sources(request: RuffFormatRequest.Batch, ruff: Ruff) -> FmtResult:
    """Format one batch of Python sources."""
    run = ruff.run("format", "--no-cache", on=request.snapshot, writes=True)
    result = await Get(ProcessResult, ToolRun, run)
    return await FmtResult.create(request, result, strip_chroot_path=True)


@rule
async def choose_build_files(
    request: RuffFormatBuildFilesRequest.PartitionRequest, ruff: Ruff
) -> Partitions[str, Any]:
    """Choose the BUILD files."""
    if ruff.skip:
        return Partitions()
    return Partitions.single_partition(
        path for path in request.files if PurePath(path).name == "BUILD"
    )


@rule(desc="Format BUILD files with ruff", level=LogLevel.DEBUG)
async def format_build_files(request: RuffFormatBuildFilesRequest.Batch, ruff: Ruff) -> FmtResult:
    """Format one batch of BUILD files."""
    # A BUILD file has no suffix, so ruff does not recognize it.
    options = ("format", "--no-cache", "--config", 'extend-include = ["BUILD"]')
    run = ruff.run(*options, on=request.snapshot, writes=True)
    result = await Get(ProcessResult, ToolRun, run)
    return await FmtResult.create(request, result, strip_chroot_path=True)


def rules() -> Iterable[Rule | UnionRule]:
    """Rules of this module."""
    return (
        *collect_rules(),
        *RuffFixRequest.rules(),
        *RuffLintRequest.rules(),
        *RuffFormatRequest.rules(),
        *RuffFormatBuildFilesRequest.rules(),
    )
