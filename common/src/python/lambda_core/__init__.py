"""What every function needs of the outside world, without a word of any domain.

Import the module that you need (`lambda_core.retry`, `lambda_core.http`, …): this package itself
imports nothing, so that a function pays only for what it uses.
"""
