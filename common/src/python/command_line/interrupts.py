"""How Ctrl-C ends a program while it is still importing its modules, and afterwards."""

from __future__ import annotations

import signal


def end_silently_on_ctrl_c() -> None:
    """Make Ctrl-C end the process without a message; call this before all other imports.

    A traceback through half-imported modules helps nobody. If Ctrl-C is ignored, as in a
    background job, it stays ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def raise_on_ctrl_c() -> None:
    """Undo `end_silently_on_ctrl_c`: from now on, Ctrl-C raises `KeyboardInterrupt`."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
