"""The targets `python_aws_lambda_function` and `python_aws_lambda_layer`."""

from __future__ import annotations

from pants.backend.awslambda.python.target_types import PythonAwsLambdaIncludeRequirements
from pants.backend.python.target_types import PythonResolveField
from pants.backend.python.util_rules.faas import (
    PythonFaaSCompletePlatforms,
    PythonFaaSDependencies,
    PythonFaaSHandlerField,
)
from pants.core.goals.package import OutputPathField
from pants.core.util_rules.environments import EnvironmentField
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    BoolField,
    StringSequenceField,
    Target,
)


class HandlerField(PythonFaaSHandlerField):
    """The handler: `module:function`.

    Pants' own handler field would have Pants package the function, too.
    """

    reexported_handler_module = "lambda_function"


class LayerDependenciesField(PythonFaaSDependencies):
    """The contents of the layer. A layer has no handler from which to infer them."""

    required = True


class IncludeSourcesField(BoolField):
    """Whether the project's own code goes in, in addition to third-party packages."""

    alias = "include_sources"
    default = True
    help = "Whether the layer contains first-party sources. Must be False: they go into functions."


class PexBuildExtraArgsField(StringSequenceField):
    """Packages to leave out, written as later releases of Pants pass them to Pex."""

    alias = "pex_build_extra_args"
    default = ()
    help = "`--exclude=PACKAGE` leaves out a package and what only it needs. No other is allowed."


class PythonAwsLambdaFunction(Target):
    """A zip with the code of a function."""

    alias = "python_aws_lambda_function"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        EnvironmentField,
        HandlerField,
        OutputPathField,
        PythonAwsLambdaIncludeRequirements,
        PythonFaaSCompletePlatforms,
        PythonFaaSDependencies,
        PythonResolveField,
    )
    help = "The first-party code of an AWS Lambda function; its packages are in layers."


class PythonAwsLambdaLayer(Target):
    """A zip that Lambda unpacks below `/opt`."""

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
    help = "A layer of third-party packages for AWS Lambda functions."
