"""Entry point of the plugin for Pants.

Pants 2.17 packages a function with `python_awslambda` and has no layers. Later releases call the
target `python_aws_lambda_function` and add `python_aws_lambda_layer`. This plugin makes the later
names work in 2.17, so the BUILD files do not change with a later release. Pants 2.17 also runs Pex
two or three times for each zip, which takes a minute for the functions and layers of one pipeline;
this plugin needs some seconds.
"""

from __future__ import annotations

from typing import Iterable

from pants.engine.rules import Rule
from pants.engine.target import Target
from pants.engine.unions import UnionRule

from lambda_targets import function, layer
from lambda_targets.targets import PythonAwsLambdaFunction, PythonAwsLambdaLayer


def rules() -> Iterable[Rule | UnionRule]:
    """List the rules that package a function and a layer."""
    return (*function.rules(), *layer.rules())


def target_types() -> Iterable[type[Target]]:
    """List the targets for a function and for a layer."""
    return (PythonAwsLambdaFunction, PythonAwsLambdaLayer)
