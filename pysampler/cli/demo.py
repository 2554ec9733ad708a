"""`pysampler demo`: trains on imbalanced real images with and without oversampling."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import Any

from pysampler.cli.messages import fail, one_line, positive

# Import name -> name to install, of what the demo needs beyond the package's own dependencies.
_LIBRARIES = {"sklearn": "scikit-learn", "matplotlib": "matplotlib", "tqdm": "tqdm"}
_INSTALL = 'install what the demo needs with: pip install "pysampler[demo]"'


def add_parser(commands: Any) -> None:
    """Adds the command to argparse's subparsers."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "demo",
        help="train on imbalanced real images with and without oversampling (about a minute)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("pysampler-demo"),
        metavar="DIR",
        help="folder for the plots (default: %(default)s)",
    )
    parser.add_argument("--quick", action="store_true", help="a few seconds; the numbers mean little")
    parser.add_argument("--seeds", type=positive, metavar="N", help="seeds per setting (default: 5; quick: 2)")
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="threads for torch (default: 1)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the demo and returns the exit code."""
    missing = [name for module, name in _LIBRARIES.items() if importlib.util.find_spec(module) is None]
    if missing:
        return fail("demo", f"needs {', '.join(missing)}; {_INSTALL}", 2)
    try:
        from pysampler.demo import run_demo  # noqa: PLC0415 - needs libraries that others may lack

        run_demo(arguments.out, quick=arguments.quick, seeds=arguments.seeds, threads=arguments.threads)
    except BrokenPipeError:
        raise
    except ImportError as error:
        return fail("demo", f"a library cannot be imported ({one_line(error)}); {_INSTALL}", 2)
    except OSError as error:
        return fail("demo", f"{one_line(error)} (can --out be written to?)", 1)
    return 0
