"""The targets `python_aws_lambda_function` and `python_aws_lambda_layer`."""

from __future__ import annotations

from pants.backend.awslambda.python.target_types import (
    PythonAWSLambda,
    PythonAwsLambdaIncludeRequirements,
)
from pants.backend.python.target_types import PythonResolveField
from pants.backend.python.util_rules.faas import (
    PythonFaaSCompletePlatforms,
    PythonFaaSDependencies,
)
from pants.core.goals.package import OutputPathField
from pants.core.util_rules.environments import EnvironmentField
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    BoolField,
    StringSequenceField,
    Target,
)


class LayerDependenciesField(PythonFaaSDependencies):
    """What goes into the layer; unlike a function, a layer has no handler to infer it from."""

    required = True


class IncludeSourcesField(BoolField):
    """Whether the project's own code goes in, beside third-party packages."""

    alias = "include_sources"
    default = True
    help = "Whether the layer holds first-party sources."


class PexBuildExtraArgsField(StringSequenceField):
    """What Pants has no field for, as `--exclude=PACKAGE`."""

    alias = "pex_build_extra_args"
    default = ()
    help = "Arguments for Pex where it resolves the requirements."


class PythonAwsLambdaFunction(PythonAWSLambda):
    """`python_awslambda` by its later name, and with no difference."""

    alias = "python_aws_lambda_function"


class PythonAwsLambdaLayer(Target):
    """A zip whose content Lambda puts below `/opt`."""

    alias = "python_aws_lambda_layer"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        EnvironmentField,
        IncludeSourcesField,
        LayerDependenciesField,
        OutputPathField,
        PexBuildExtraArgsField,
        PythonAwsLambdaIncludeRequirements,
        PythonFaaSCompletePlatforms,
        PythonResolveField,
    )
    help = "A layer of Python packages for AWS Lambda functions."
