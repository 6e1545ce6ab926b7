"""Replaces functions of moto."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

Moto = Any
"""An object of moto, which has no type hints."""


def around(
    owner: Moto, name: str, *, static: bool = False
) -> Callable[[Callable[..., object]], None]:
    """Return a decorator that replaces a function of moto.

    The replacement receives the original function as its first argument.

    Parameters
    ----------
    owner, name
        The class or module, and the name of the function in it.
    static
        Whether the function is a static method.

    Examples
    --------
    >>> class Greeter:
    ...     def greet(self, name):
    ...         return f"Hello {name}"
    >>> @around(Greeter, "greet")
    ... def greet(original, self, name):
    ...     return original(self, name) + "!"
    >>> Greeter().greet("moto")
    'Hello moto!'
    """
    original = getattr(owner, name)

    def put(new: Callable[..., object]) -> None:
        @functools.wraps(original)
        def replacement(*arguments: object, **named: object) -> object:
            return new(original, *arguments, **named)

        setattr(owner, name, staticmethod(replacement) if static else replacement)

    return put


def added(owner: Moto, name: str) -> Callable[[Callable[..., object]], None]:
    """Return a decorator that adds a function to moto.

    Raises
    ------
    RuntimeError
        This version of moto has the function, so the patch must be removed.
    """

    def put(new: Callable[..., object]) -> None:
        if hasattr(owner, name):
            raise RuntimeError(f"moto already has {owner.__name__}.{name}; remove the patch")
        setattr(owner, name, new)

    return put
