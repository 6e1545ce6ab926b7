"""What Ctrl-C does to a program before and after it has begun."""

from __future__ import annotations

import signal


def end_silently_on_ctrl_c() -> None:
    """Let Ctrl-C end the process without a word: for the imports of a program, before all others.

    A traceback through half-imported modules tells nobody anything. Where Ctrl-C is ignored, as
    in a background job, it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def raise_on_ctrl_c() -> None:
    """Take `end_silently_on_ctrl_c` back: from here on Ctrl-C is a `KeyboardInterrupt`."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
