"""Packages a `python_aws_lambda_layer`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Iterable

from pants.backend.awslambda.python.target_types import PythonAwsLambdaIncludeRequirements
from pants.backend.python.target_types import PexLayout
from pants.backend.python.util_rules.faas import PythonFaaSCompletePlatforms
from pants.backend.python.util_rules.pex import CompletePlatforms, Pex
from pants.backend.python.util_rules.pex_cli import PexCliProcess
from pants.backend.python.util_rules.pex_from_targets import PexFromTargetsRequest
from pants.core.goals.package import (
    BuiltPackage,
    BuiltPackageArtifact,
    OutputPathField,
    PackageFieldSet,
)
from pants.core.util_rules.environments import EnvironmentField
from pants.engine.fs import Digest, MergeDigests
from pants.engine.process import ProcessResult
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.engine.unions import UnionRule
from pants.util.logging import LogLevel

from lambda_targets.targets import IncludeSourcesField, LayerDependenciesField

# Lambda unpacks layers below /opt, and Python's runtime imports from /opt/python. See
# https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html
FOLDER = "python"


@dataclass(frozen=True)
class LayerFieldSet(PackageFieldSet):
    """What packaging reads of a layer's target."""

    required_fields = (LayerDependenciesField, IncludeSourcesField)

    complete_platforms: PythonFaaSCompletePlatforms
    environment: EnvironmentField
    include_requirements: PythonAwsLambdaIncludeRequirements
    include_sources: IncludeSourcesField
    output_path: OutputPathField


@rule(desc="Package a layer for AWS Lambda", level=LogLevel.DEBUG)
async def package_layer(field_set: LayerFieldSet) -> BuiltPackage:
    """Resolve the dependencies for Lambda's platform, and zip them below `python/`."""
    platforms = await Get(
        CompletePlatforms, PythonFaaSCompletePlatforms, field_set.complete_platforms
    )
    pex = await Get(
        Pex,
        PexFromTargetsRequest(
            addresses=(field_set.address,),
            internal_only=False,
            output_filename="layer.pex",
            layout=PexLayout.PACKED,
            complete_platforms=platforms,
            include_requirements=field_set.include_requirements.value,
            include_source_files=field_set.include_sources.value,
            warn_for_transitive_files_targets=True,
        ),
    )
    output = PurePath(field_set.output_path.value_or_default(file_ending="zip"))
    result = await Get(
        ProcessResult,
        PexCliProcess(
            subcommand=("venv", "create"),
            extra_args=(
                f"--pex-repository={pex.name}",
                *platforms.generate_pex_arg_list(),
                "--layout=flat-zipped",
                f"--prefix={FOLDER}",
                # Pex names the zip after the folder.
                f"--dest-dir={output.with_suffix('')}",
            ),
            additional_input_digest=await Get(Digest, MergeDigests((pex.digest, platforms.digest))),
            output_files=(str(output),),
            output_directories=(),
            description=f"Zip the layer {field_set.address}",
        ),
    )
    return BuiltPackage(result.output_digest, (BuiltPackageArtifact(str(output)),))


def rules() -> Iterable[Rule | UnionRule]:
    """Rules of this module."""
    return (*collect_rules(), UnionRule(PackageFieldSet, LayerFieldSet))
