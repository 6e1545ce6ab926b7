"""What every command of the project shares: exit codes, errors in one line, common options.

====  =============  ==========================================================================
code  name           meaning
====  =============  ==========================================================================
0     `COMPLETE`     The command did everything that was requested.
1     `FAILED`       It failed, or its result is incomplete. The message says why.
2     `WRONG_USAGE`  An option, an input or a setting is wrong. The message says what to change.
130   `INTERRUPTED`  Ctrl-C ended it (128 + SIGINT, as shells report it).
====  =============  ==========================================================================

argparse exits with 2 too, so wrong usage has one code no matter which part of a command finds it.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from lambda_core.errors import ApplicationError, ConfigurationError
from lambda_core.observability import LOG_LEVELS, configure_logging

COMPLETE = 0
FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130

EXIT_CODES = "Exit codes: 0 complete, 1 failed or incomplete, 2 wrong usage, 130 interrupted."
"""The codes, for the end of a command's help."""


def report_errors(prog: str, command: Callable[[], int], *, interrupted: str) -> int:
    """Run a command; print an expected error in one line, and return the exit code.

    Other errors are raised: they are defects, and only the caller knows who reads the traceback.

    Parameters
    ----------
    prog
        Name of the command, at the beginning of the line.
    command
        The command; returns its exit code.
    interrupted
        The rest of the line after Ctrl-C.
    """
    try:
        return command()
    except KeyboardInterrupt:
        print(f"{prog}: {interrupted}", file=sys.stderr)
        return INTERRUPTED
    except ConfigurationError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return WRONG_USAGE
    except ApplicationError as error:
        print(f"{prog}: failed: {error}", file=sys.stderr)
        return FAILED


def guarded(
    prog: str, log_level: str | None, command: Callable[[], int], *, interrupted: str = ""
) -> int:
    """Run a command; if it fails, print one line that says why, and return the exit code.

    Parameters
    ----------
    prog
        Name of the command, at the beginning of the line.
    log_level
        Log level; None uses the variable LOG_LEVEL, or WARNING. With DEBUG, an unexpected
        error is raised, so that its traceback is shown.
    command
        The command; returns its exit code.
    interrupted
        State after Ctrl-C, such as "nothing was published".
    """

    def logged() -> int:
        configure_logging(log_level or _log_level())
        return command()

    ending = f"; {interrupted}" if interrupted else ""
    try:
        return report_errors(prog, logged, interrupted=f"interrupted{ending}")
    except Exception as error:
        if log_level == "DEBUG":
            raise
        name = type(error).__name__
        print(
            f"{prog}: failed: {name}: {error} (--log-level DEBUG shows the traceback)",
            file=sys.stderr,
        )
        return FAILED


def exit_with(code: int) -> NoReturn:
    """End the program with this code, at once if it was interrupted.

    A normal exit waits for all threads, so it would wait for pending network calls.
    """
    if code == INTERRUPTED:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


@contextmanager
def ignoring_broken_pipe() -> Iterator[None]:
    """Ignore that standard output is closed, as in `… | head -1`.

    Standard output is redirected to nowhere, because flushing it at exit would fail again.
    """
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def add_log_level_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option --log-level."""
    parser.add_argument(
        "--log-level",
        metavar="LEVEL",
        type=str.upper,
        choices=LOG_LEVELS,
        help=f"{', '.join(LOG_LEVELS)} (default: the variable LOG_LEVEL, or WARNING)",
    )


def number(text: str) -> float:
    """Parse a finite number; a type for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value


def positive_number(text: str) -> float:
    """Parse a finite number above zero; a type for argparse."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not above zero")
    return value


def text_in_utf8(text: str) -> str:
    """Accept only text that can be encoded as UTF-8; a type for argparse."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        # Python keeps bytes that are not UTF-8 as surrogates.
        raise argparse.ArgumentTypeError(f"{text!r} is not text in UTF-8") from error
    return text


def _log_level() -> str:
    level = os.environ.get("LOG_LEVEL") or "WARNING"
    if level.upper() not in LOG_LEVELS:
        raise ConfigurationError(
            f"LOG_LEVEL is {level!r}; it must be one of {', '.join(LOG_LEVELS)}"
        )
    return level
