"""What every function needs, independent of any domain.

Import the modules that you need, such as `lambda_core.retry`. The package itself imports nothing,
so a function loads only what it uses.
"""
