"""How parts of moto are replaced."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

Moto = Any
"""Something of moto's inside, of which only moto knows what it has."""


def around(
    owner: Moto, name: str, *, static: bool = False
) -> Callable[[Callable[..., object]], None]:
    """Put a function around one of moto's, which it gets as its first argument.

    Parameters
    ----------
    static
        Whether it is a static method.
    """
    original = getattr(owner, name)

    def put(new: Callable[..., object]) -> None:
        @functools.wraps(original)
        def replacement(*arguments: object, **named: object) -> object:
            return new(original, *arguments, **named)

        setattr(owner, name, staticmethod(replacement) if static else replacement)

    return put


def added(owner: Moto, name: str) -> Callable[[Callable[..., object]], None]:
    """Add a function that moto lacks.

    Raises
    ------
    RuntimeError
        If moto has it by now, so that the mend must go.
    """

    def put(new: Callable[..., object]) -> None:
        if hasattr(owner, name):
            raise RuntimeError(f"moto has {owner.__name__}.{name} by now")
        setattr(owner, name, new)

    return put
