"""The tools, as Pants options, and the rule that runs them.

Each comes from PyPI through the resolve that its section in `pants.toml` names. Pants' own backends
for most of them download binaries from elsewhere; its ruff backend supports only the command line
that ruff had before 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from typing import ClassVar, Iterable, Tuple

from pants.backend.python.subsystems.python_tool_base import PythonToolBase
from pants.backend.python.target_types import ConsoleScript
from pants.backend.python.util_rules.pex import PexRequest, VenvPex, VenvPexProcess
from pants.core.util_rules.config_files import ConfigFiles, ConfigFilesRequest
from pants.engine.fs import Digest, MergeDigests, PathGlobs, Snapshot
from pants.engine.process import Process
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.option.option_types import SkipOption, StrListOption
from pants.util.logging import LogLevel
from pants.util.strutil import pluralize


@dataclass(frozen=True)
class ToolRun:
    """One call of a tool with its options and the files of `snapshot` as arguments.

    The files at `extra_files` are in the sandbox, too, for example because a script sources them.
    """

    name: str
    pex: PexRequest
    config: ConfigFilesRequest
    options: tuple[str, ...]
    snapshot: Snapshot
    writes: bool
    extra_files: tuple[str, ...]


class CheckTool(PythonToolBase):
    """A command-line tool from PyPI that takes file names."""

    register_interpreter_constraints = True
    default_interpreter_constraints = ["CPython==3.12.*"]  # noqa: RUF012  # Pants needs a list.
    # Pants requires a default version and lockfile; `install_from_resolve` overrides them.
    default_version: ClassVar[str] = ""
    default_lockfile_resource: ClassVar[Tuple[str, str]] = ("code_checks", "none.lock")

    name: ClassVar[str]
    config_files: ClassVar[Tuple[str, ...]] = ()
    config_contents: ClassVar[dict[str, bytes]] = {}

    def run(
        self, *options: str, on: Snapshot, writes: bool = False, extra_files: Iterable[str] = ()
    ) -> ToolRun:
        """Describe a call of the tool on the files of a snapshot, which it changes if `writes`."""
        config = ConfigFilesRequest(
            discovery=True,
            check_existence=self.config_files,
            check_content=self.config_contents,
        )
        pex = self.to_pex_request()
        return ToolRun(self.name, pex, config, options, on, writes, tuple(extra_files))


class FileTool(CheckTool):
    """A tool for files without a target, selected by their path."""

    files = StrListOption(
        help="Patterns of the paths to check, as in Python's `fnmatch`: `*` matches `/`, too."
    )

    def chosen(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the paths that the tool checks."""
        return tuple(path for path in paths if any(fnmatch(path, glob) for glob in self.files))


class Ruff(CheckTool):
    """Lints and formats Python."""

    options_scope = "ruff"
    name = "ruff"
    help = "The linter and formatter ruff (https://docs.astral.sh/ruff/)."
    default_main = ConsoleScript("ruff")
    skip = SkipOption("fix", "fmt", "lint")
    config_contents: ClassVar[dict[str, bytes]] = {"pyproject.toml": b"[tool.ruff"}


class Shellcheck(FileTool):
    """Lints shell scripts."""

    options_scope = "shellcheck"
    name = "shellcheck"
    help = "The linter for shell scripts (https://www.shellcheck.net/)."
    default_main = ConsoleScript("shellcheck")
    skip = SkipOption("lint")
    config_files = (".shellcheckrc",)
    sourced = StrListOption(help="Scripts that other scripts source.")


class Shfmt(FileTool):
    """Formats shell scripts."""

    options_scope = "shfmt"
    name = "shfmt"
    help = "The formatter for shell scripts (https://github.com/mvdan/sh)."
    default_main = ConsoleScript("shfmt")
    skip = SkipOption("fmt", "lint")


class Hadolint(FileTool):
    """Lints Dockerfiles."""

    options_scope = "hadolint"
    name = "hadolint"
    help = "The linter for Dockerfiles (https://github.com/hadolint/hadolint)."
    default_main = ConsoleScript("hadolint")
    skip = SkipOption("lint")
    config_files = (".hadolint.yaml",)


class Yamllint(FileTool):
    """Lints YAML."""

    options_scope = "yamllint"
    name = "yamllint"
    help = "The linter for YAML (https://yamllint.readthedocs.io/)."
    default_main = ConsoleScript("yamllint")
    skip = SkipOption("lint")
    config_files = (".yamllint.yaml",)


@rule(level=LogLevel.DEBUG)
async def tool_process(run: ToolRun) -> Process:
    """Describe the process of the tool: a sandbox with the files and its configuration."""
    pex, config, extra_files = await MultiGet(
        Get(VenvPex, PexRequest, run.pex),
        Get(ConfigFiles, ConfigFilesRequest, run.config),
        Get(Digest, PathGlobs(run.extra_files)),
    )
    parts = (run.snapshot.digest, config.snapshot.digest, extra_files)
    digest = await Get(Digest, MergeDigests(parts))
    return await Get(
        Process,
        VenvPexProcess(
            pex,
            argv=(*run.options, *run.snapshot.files),
            input_digest=digest,
            output_files=run.snapshot.files if run.writes else (),
            description=f"Run {run.name} on {pluralize(len(run.snapshot.files), 'file')}.",
            level=LogLevel.DEBUG,
        ),
    )


def rules() -> Iterable[Rule]:
    """Rules of this module."""
    return collect_rules()
