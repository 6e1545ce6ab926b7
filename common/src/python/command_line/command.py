"""How every command of the project runs: exit codes, errors in one line, shared options."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from lambda_core.errors import ApplicationError, ConfigurationError
from lambda_core.observability import LOG_LEVELS, configure_logging

COMPLETE = 0


FAILED = 1


WRONG_USAGE = 2


INTERRUPTED = 130


def guarded(prog: str, log_level: str | None, command: Callable[[], int]) -> int:
    """Run a command, and say in one line what went wrong where it failed.

    An error that nobody foresaw is told in a line too, and in full with `--log-level DEBUG`.
    """
    try:
        configure_logging(log_level or _log_level())
        return command()
    except KeyboardInterrupt:
        print(f"{prog}: interrupted; nothing was published", file=sys.stderr)
        return INTERRUPTED
    except ConfigurationError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return WRONG_USAGE
    except ApplicationError as error:
        print(f"{prog}: failed: {error}", file=sys.stderr)
        return FAILED
    except Exception as error:
        if log_level == "DEBUG":
            raise
        name = type(error).__name__
        print(
            f"{prog}: failed: {name}: {error} (more with --log-level DEBUG)",
            file=sys.stderr,
        )
        return FAILED


def exit_with(code: int) -> NoReturn:
    """End the program with this code; an interrupted one at once.

    At its end Python waits for every thread, and so for calls that hang until their time is over.
    """
    if code == INTERRUPTED:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def add_log_level_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option by which `guarded` tells more, or less."""
    parser.add_argument(
        "--log-level",
        metavar="LEVEL",
        type=str.upper,
        choices=LOG_LEVELS,
        help=f"{', '.join(LOG_LEVELS)} (LOG_LEVEL, WARNING)",
    )


def positive_number(text: str) -> float:
    """Read a finite number above zero; a type for argparse."""
    value = _number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not above zero")
    return value


def text_in_utf8(text: str) -> str:
    """Read a text that a report can tell; a type for argparse."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        # What the operating system gave was no text, and Python keeps such bytes as surrogates.
        raise argparse.ArgumentTypeError(f"{text!r} is not text in UTF-8") from error
    return text


def _log_level() -> str:
    level = os.environ.get("LOG_LEVEL") or "WARNING"
    if level.upper() not in LOG_LEVELS:
        raise ConfigurationError(
            f"LOG_LEVEL is {level!r}; it must be one of {', '.join(LOG_LEVELS)}"
        )
    return level


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value
