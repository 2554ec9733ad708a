"""The `pysampler` command: `info`, `plan` and `demo`, a module each.

Exit codes: 0 done; 1 it could not be done; 2 wrong usage or input, or a missing optional library;
130 interrupted. What goes wrong is said in one line on stderr, without a traceback.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

import pysampler
from pysampler.cli import demo, info, plan
from pysampler.cli.info import describe
from pysampler.cli.messages import fail

__all__ = ["describe", "main"]

_COMMANDS = (info, plan, demo)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: Arguments after the program's name; those of the process by default.

    Returns:
        The exit code. Wrong arguments, `--help` and `--version` raise SystemExit, as argparse does.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ± shows ? instead of failing
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        pysampler.cpu_target()
    except (RuntimeError, ValueError) as error:  # an unknown PYSAMPLER_CPU_TARGET
        return fail(arguments.command, error, 2)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("\npysampler: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output left (`| head`); Python would complain again at shutdown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pysampler", description="Exact, fast, reproducible weighted sampling for PyTorch."
    )
    parser.add_argument("--version", action="version", version=f"pysampler {pysampler.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="{info,plan,demo}")
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser
