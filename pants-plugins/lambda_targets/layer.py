"""Packages a `python_aws_lambda_layer`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable

from pants.backend.awslambda.python.target_types import PythonAwsLambdaIncludeRequirements
from pants.backend.python.pip_requirement import PipRequirement
from pants.backend.python.subsystems.setup import PythonSetup
from pants.backend.python.target_types import PexLayout
from pants.backend.python.util_rules.faas import PythonFaaSCompletePlatforms
from pants.backend.python.util_rules.interpreter_constraints import InterpreterConstraints
from pants.backend.python.util_rules.pex import CompletePlatforms, Pex, ReqStrings
from pants.backend.python.util_rules.pex_cli import PexCliProcess
from pants.backend.python.util_rules.pex_environment import PythonExecutable
from pants.backend.python.util_rules.pex_from_targets import (
    ChosenPythonResolve,
    ChosenPythonResolveRequest,
    PexFromTargetsRequest,
)
from pants.backend.python.util_rules.pex_requirements import (
    LoadedLockfile,
    LoadedLockfileRequest,
    PexRequirements,
)
from pants.core.goals.package import (
    BuiltPackage,
    BuiltPackageArtifact,
    OutputPathField,
    PackageFieldSet,
)
from pants.core.util_rules.environments import EnvironmentField
from pants.engine.addresses import Addresses
from pants.engine.fs import (
    EMPTY_DIGEST,
    CreateDigest,
    Digest,
    DigestContents,
    FileContent,
    GlobMatchErrorBehavior,
    MergeDigests,
    PathGlobs,
)
from pants.engine.process import Process, ProcessResult
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.unions import UnionRule
from pants.util.logging import LogLevel

from lambda_targets.locked import part_of_lockfile
from lambda_targets.targets import (
    IncludeSourcesField,
    LayerDependenciesField,
    PexBuildExtraArgsField,
)

# Lambda unpacks layers below /opt, and Python's runtime imports from /opt/python. See
# https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html
FOLDER = "python"
REQUIREMENTS_FILE = "layer.lock"
EXCLUDE = "--exclude="
BYTE_COMPILE = "build-support/lambda/byte_compile.py"


@dataclass(frozen=True)
class LayerFieldSet(PackageFieldSet):
    """What packaging reads of a layer's target."""

    required_fields = (LayerDependenciesField, IncludeSourcesField)

    complete_platforms: PythonFaaSCompletePlatforms
    environment: EnvironmentField
    include_requirements: PythonAwsLambdaIncludeRequirements
    include_sources: IncludeSourcesField
    output_path: OutputPathField
    pex_build_extra_args: PexBuildExtraArgsField


@dataclass(frozen=True)
class LockedRequirements:
    """What Pex takes to resolve a layer's requirements to the wheels that were locked."""

    digest: Digest
    pex_arguments: tuple[str, ...]


@rule(desc="Find the locked requirements of a layer", level=LogLevel.DEBUG)
async def locked_requirements(field_set: LayerFieldSet) -> LockedRequirements:
    """Write the entries of the lockfile to a file of their own."""
    arguments = field_set.pex_build_extra_args.value or ()
    if not field_set.include_requirements.value:
        return LockedRequirements(EMPTY_DIGEST, arguments)
    requirements, resolve = await MultiGet(
        Get(ReqStrings, PexRequirements((field_set.address,))),
        Get(ChosenPythonResolve, ChosenPythonResolveRequest(Addresses((field_set.address,)))),
    )
    lockfile = await Get(LoadedLockfile, LoadedLockfileRequest(resolve.lockfile))
    content = await Get(DigestContents, Digest, lockfile.lockfile_digest)
    try:
        entries = part_of_lockfile(
            content[0].content.decode(),
            (PipRequirement.parse(text).project_name for text in requirements.req_strings),
            (text[len(EXCLUDE) :] for text in arguments if text.startswith(EXCLUDE)),
        )
    except ValueError as error:
        raise ValueError(f"{field_set.address}: {error}") from error
    digest = await Get(Digest, CreateDigest([FileContent(REQUIREMENTS_FILE, entries.encode())]))
    return LockedRequirements(
        digest, (*arguments, f"--requirement={REQUIREMENTS_FILE}", "--no-transitive")
    )


@rule(desc="Package a layer for AWS Lambda", level=LogLevel.DEBUG)
async def package_layer(field_set: LayerFieldSet, python_setup: PythonSetup) -> BuiltPackage:
    """Resolve the requirements for Lambda's platform, compile them, zip them below `python/`."""
    platforms, requirements = await MultiGet(
        Get(CompletePlatforms, PythonFaaSCompletePlatforms, field_set.complete_platforms),
        Get(LockedRequirements, LayerFieldSet, field_set),
    )
    pex = await Get(
        Pex,
        PexFromTargetsRequest(
            addresses=(field_set.address,),
            internal_only=False,
            output_filename="layer.pex",
            layout=PexLayout.PACKED,
            complete_platforms=platforms,
            # They are among the arguments.
            include_requirements=False,
            include_source_files=field_set.include_sources.value,
            additional_args=requirements.pex_arguments,
            additional_inputs=requirements.digest,
            description=f"Resolve the requirements of the layer {field_set.address}",
            warn_for_transitive_files_targets=True,
        ),
    )
    zipped = await Get(
        ProcessResult,
        PexCliProcess(
            subcommand=("venv", "create"),
            extra_args=(
                f"--pex-repository={pex.name}",
                *platforms.generate_pex_arg_list(),
                "--layout=flat-zipped",
                f"--prefix={FOLDER}",
                "--dest-dir=layer",
            ),
            additional_input_digest=await Get(Digest, MergeDigests((pex.digest, platforms.digest))),
            # Pex names the zip after the folder.
            output_files=("layer.zip",),
            output_directories=(),
            description=f"Zip the layer {field_set.address}",
        ),
    )
    output = field_set.output_path.value_or_default(file_ending="zip")
    python, script = await MultiGet(
        Get(PythonExecutable, InterpreterConstraints(python_setup.interpreter_constraints)),
        Get(
            Digest,
            PathGlobs(
                (BYTE_COMPILE,), GlobMatchErrorBehavior.error, description_of_origin=__name__
            ),
        ),
    )
    compiled = await Get(
        ProcessResult,
        Process(
            (python.path, "-I", "-W", "ignore", BYTE_COMPILE, "layer.zip", output),
            input_digest=await Get(Digest, MergeDigests((script, zipped.output_digest))),
            output_files=(output,),
            description=f"Add bytecode to the layer {field_set.address}",
        ),
    )
    return BuiltPackage(compiled.output_digest, (BuiltPackageArtifact(output),))


def rules() -> Iterable[Rule | UnionRule]:
    """Rules of this module."""
    return (*collect_rules(), UnionRule(PackageFieldSet, LayerFieldSet))
