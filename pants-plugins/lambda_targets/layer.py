"""Packages a `python_aws_lambda_layer`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Iterable

from pants.backend.awslambda.python.target_types import PythonAwsLambdaIncludeRequirements
from pants.backend.python.pip_requirement import PipRequirement
from pants.backend.python.util_rules.faas import PythonFaaSCompletePlatforms
from pants.backend.python.util_rules.pex import CompletePlatforms, ReqStrings
from pants.backend.python.util_rules.pex_from_targets import (
    ChosenPythonResolve,
    ChosenPythonResolveRequest,
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
from pants.engine.env_vars import EnvironmentVars, EnvironmentVarsRequest
from pants.engine.fs import (
    AddPrefix,
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

from environments.locations import DEFAULT_LOCKFILE, UV_LOCKFILE, environment
from lambda_targets.locked import part_of_lockfile
from lambda_targets.targets import (
    IncludeSourcesField,
    LayerDependenciesField,
    PexBuildExtraArgsField,
)

REQUIREMENTS_FILE = "layer.lock"
EXCLUDE = "--exclude="
BUILD_LAYER = "build-support/lambda/build_layer.py"

UV_VARIABLES = (
    # Where uv finds its settings and keeps its cache.
    *("HOME", "PATH", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "UV_CACHE_DIR", "UV_CONFIG_FILE"),
    # Where packages come from.
    *("UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX", "UV_INDEX_URL"),
    *("UV_INDEX_STRATEGY", "UV_KEYRING_PROVIDER", "UV_NO_INDEX", "UV_OFFLINE"),
    *("NETRC", "UV_HTTP_TIMEOUT"),
    # How to get there.
    *("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("all_proxy", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_DIR", "SSL_CERT_FILE", "SSL_CLIENT_CERT", "UV_INSECURE_HOST"),
    *("UV_NATIVE_TLS", "UV_SYSTEM_CERTS"),
)
"""Variables that uv reads. https://docs.astral.sh/uv/reference/environment/"""


@dataclass(frozen=True)
class LayerFieldSet(PackageFieldSet):
    """The fields that packaging a layer reads."""

    required_fields = (LayerDependenciesField, IncludeSourcesField)

    complete_platforms: PythonFaaSCompletePlatforms
    environment: EnvironmentField
    include_requirements: PythonAwsLambdaIncludeRequirements
    include_sources: IncludeSourcesField
    output_path: OutputPathField
    pex_build_extra_args: PexBuildExtraArgsField


@dataclass(frozen=True)
class LockedRequirements:
    """The part of the lockfile that a layer needs, as a file."""

    digest: Digest


@rule(desc="Find the locked requirements of a layer", level=LogLevel.DEBUG)
async def locked_requirements(field_set: LayerFieldSet) -> LockedRequirements:
    """Write the entries of the lockfile to a separate file."""
    if field_set.include_sources.value or not field_set.include_requirements.value:
        raise ValueError(
            f"{field_set.address}: a layer contains third-party packages only;"
            " set `include_sources=False`, and do not set `include_requirements`"
        )
    arguments = field_set.pex_build_extra_args.value or ()
    unknown = [text for text in arguments if not text.startswith(EXCLUDE)]
    if unknown:
        raise ValueError(
            f"{field_set.address}: `pex_build_extra_args` must be `{EXCLUDE}PACKAGE`, not {unknown}"
        )
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
            (text[len(EXCLUDE) :] for text in arguments),
        )
    except ValueError as error:
        raise ValueError(f"{field_set.address}: {error}") from error
    return LockedRequirements(
        await Get(Digest, CreateDigest([FileContent(REQUIREMENTS_FILE, entries.encode())]))
    )


def uv_platform(complete_platform: bytes) -> tuple[str, str]:
    """Return a platform as uv names it, and the version of Python, from Pex's complete platform.

    Raises
    ------
    ValueError
        If the platform is not Linux with glibc.
    """
    description = json.loads(complete_platform)
    best_tag = description["compatible_tags"][0].rpartition("-")[2]
    found = re.fullmatch(r"(manylinux_\d+_\d+)_(\w+)", best_tag)
    if not found:
        raise ValueError(f"{best_tag} is not a platform of Linux with glibc")
    policy, machine = found.groups()
    return f"{machine}-{policy}", description["marker_environment"]["python_version"]


@rule(desc="Package a layer for AWS Lambda", level=LogLevel.DEBUG)
async def package_layer(field_set: LayerFieldSet) -> BuiltPackage:
    """Install the locked requirements for Lambda's platform, compile them, and zip them."""
    platforms, requirements, script, variables = await MultiGet(
        Get(CompletePlatforms, PythonFaaSCompletePlatforms, field_set.complete_platforms),
        Get(LockedRequirements, LayerFieldSet, field_set),
        Get(
            Digest,
            PathGlobs((BUILD_LAYER,), GlobMatchErrorBehavior.error, description_of_origin=__name__),
        ),
        Get(EnvironmentVars, EnvironmentVarsRequest(UV_VARIABLES)),
    )
    content = await Get(DigestContents, Digest, platforms.digest)
    if len(content) != 1:
        raise ValueError(
            f"{field_set.address}: `complete_platforms` must name one platform, not {len(content)}"
        )
    platform, python_version = uv_platform(content[0].content)
    output = PurePath(field_set.output_path.value_or_default(file_ending="zip"))
    # The interpreter of the environment, not its link: the path tells releases of CPython apart.
    python = (environment(DEFAULT_LOCKFILE) / "bin/python").resolve()
    result = await Get(
        ProcessResult,
        Process(
            (
                *(str(python), "-I", "-W", "ignore", BUILD_LAYER, REQUIREMENTS_FILE, output.name),
                *("--uv", str(environment(UV_LOCKFILE) / "bin/uv")),
                *("--platform", platform, "--python-version", python_version),
            ),
            env=variables,
            input_digest=await Get(Digest, MergeDigests((requirements.digest, script))),
            output_files=(output.name,),
            # Without the folder, so that a layer that is written to two folders is built once.
            description=f"Build the layer {output.stem} for {platform}",
        ),
    )
    digest = await Get(Digest, AddPrefix(result.output_digest, str(output.parent)))
    return BuiltPackage(digest, (BuiltPackageArtifact(str(output)),))


def rules() -> Iterable[Rule | UnionRule]:
    """Rules of this module."""
    return (*collect_rules(), UnionRule(PackageFieldSet, LayerFieldSet))
