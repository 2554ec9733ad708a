"""The entry point of the `pysampler` command.

It stands beside the package, so that a package that cannot be imported (an unknown PYSAMPLER_CPU_TARGET, no torch, no
compiled part) ends the command in one line too.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Runs ``pysampler.cli.main`` and returns its exit code; 2 if the package cannot be imported."""
    try:
        from pysampler import cli  # noqa: PLC0415 - may fail
    except (ImportError, OSError) as error:  # OSError: a shared library of torch is missing
        print(f"pysampler: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return cli.main()
