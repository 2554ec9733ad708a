"""How every command says what went wrong, and reads whole numbers."""

from __future__ import annotations

import argparse
import sys


def fail(command: str, reason: str | BaseException, code: int) -> int:
    """Prints the reason in one line on stderr and returns the exit code."""
    print(f"pysampler {command}: error: {one_line(reason)}", file=sys.stderr)
    return code


def one_line(reason: str | BaseException) -> str:
    """Returns an error's message without line breaks, or its type if it has none."""
    return " ".join(str(reason).split()) or type(reason).__name__


def positive(text: str) -> int:
    """Reads a whole number of at least 1, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, but got {text!r}")
    return int(text)
