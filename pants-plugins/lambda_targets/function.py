"""Packages a `python_aws_lambda_function`."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Iterable

from pants.backend.awslambda.python.target_types import PythonAwsLambdaIncludeRequirements
from pants.backend.python.util_rules.faas import (
    ResolvedPythonFaaSHandler,
    ResolvePythonFaaSHandlerRequest,
)
from pants.backend.python.util_rules.pex_from_targets import _warn_about_any_files_targets
from pants.backend.python.util_rules.python_sources import (
    PythonSourceFilesRequest,
    StrippedPythonSourceFiles,
)
from pants.core.goals.package import (
    BuiltPackage,
    BuiltPackageArtifact,
    OutputPathField,
    PackageFieldSet,
)
from pants.core.util_rules.environments import EnvironmentField
from pants.engine.addresses import Addresses
from pants.engine.fs import CreateDigest, Digest, DigestContents, FileContent
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.target import TransitiveTargets, TransitiveTargetsRequest
from pants.engine.unions import UnionMembership, UnionRule
from pants.util.logging import LogLevel

from lambda_targets.targets import HandlerField

EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class FunctionFieldSet(PackageFieldSet):
    """The fields that packaging a function reads."""

    required_fields = (HandlerField,)

    environment: EnvironmentField
    handler: HandlerField
    include_requirements: PythonAwsLambdaIncludeRequirements
    output_path: OutputPathField


@rule(desc="Package a function for AWS Lambda", level=LogLevel.DEBUG)
async def package_function(
    field_set: FunctionFieldSet, union_membership: UnionMembership
) -> BuiltPackage:
    """Zip the code of a function, with its handler at `lambda_function.handler`."""
    if field_set.include_requirements.value:
        raise ValueError(
            f"{field_set.address}: set `include_requirements=False`; packages go into layers"
        )
    handler, transitive = await MultiGet(
        Get(ResolvedPythonFaaSHandler, ResolvePythonFaaSHandlerRequest(field_set.handler)),
        Get(TransitiveTargets, TransitiveTargetsRequest((field_set.address,))),
    )
    sources = await Get(StrippedPythonSourceFiles, PythonSourceFilesRequest(transitive.closure))
    await _warn_about_any_files_targets(
        Addresses((field_set.address,)), transitive, union_membership
    )
    contents = await Get(DigestContents, Digest, sources.stripped_source_files.snapshot.digest)
    module = field_set.handler.reexported_handler_module
    entry = f"from {handler.module} import {handler.func} as handler"
    files = {file.path: file.content for file in contents}
    files[f"{module}.py"] = entry.encode()
    output = field_set.output_path.value_or_default(file_ending="zip")
    digest = await Get(Digest, CreateDigest([FileContent(output, zipped(files))]))
    log = f"    Handler: {module}.handler"
    return BuiltPackage(digest, (BuiltPackageArtifact(output, extra_log_lines=(log,)),))


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip of files; the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, EARLIEST_TIME)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[path])
    return buffer.getvalue()


def rules() -> Iterable[Rule | UnionRule]:
    """Rules of this module."""
    return (*collect_rules(), UnionRule(PackageFieldSet, FunctionFieldSet))
