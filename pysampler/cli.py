"""The `pysampler` command: `info` and `demo`.

Exit codes: 0 done; 1 it could not be done; 2 wrong usage or a missing optional library;
130 interrupted. What goes wrong is said in one line on stderr, without a traceback.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import pysampler
from pysampler.cuda import availability

# Import name -> name to install, of what the demo needs beyond the package's own dependencies.
_DEMO_LIBRARIES = {"sklearn": "scikit-learn", "matplotlib": "matplotlib", "tqdm": "tqdm"}


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
        return _info(arguments) if arguments.command == "info" else _demo(arguments)
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
    commands = parser.add_subparsers(dest="command", metavar="{info,demo}")

    info = commands.add_parser("info", help="say which version, CPU target, threads and CUDA are in use")
    info.add_argument("--json", action="store_true", help="print one JSON object")

    demo = commands.add_parser(
        "demo",
        help="train on imbalanced real images with and without oversampling (about a minute)",
    )
    demo.add_argument(
        "--out",
        type=Path,
        default=Path("pysampler-demo"),
        metavar="DIR",
        help="folder for the plots (default: %(default)s)",
    )
    demo.add_argument("--quick", action="store_true", help="a few seconds; the numbers mean little")
    demo.add_argument("--seeds", type=_positive, metavar="N", help="seeds per setting (default: 5; quick: 2)")
    demo.add_argument("--threads", type=_positive, default=1, metavar="N", help="threads for torch (default: 1)")
    return parser


def _positive(text: str) -> int:
    """Reads a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, but got {text!r}")
    return int(text)


# ---- info ---------------------------------------------------------------------------------------


def describe() -> dict[str, Any]:
    """Collects what `pysampler info` prints, as plain values that JSON can hold."""
    return {
        "version": pysampler.__version__,
        "cpu": {
            "target": pysampler.cpu_target(),
            "supported": list(pysampler.cpu_targets()),
            "forced": os.environ.get("PYSAMPLER_CPU_TARGET") or None,
        },
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cuda": {
            "kernels": availability.build_text(),
            "problem": availability.problem(),
            "devices": availability.device_names(),
        },
    }


def _info(arguments: argparse.Namespace) -> int:
    try:
        facts = describe()
    except (ValueError, RuntimeError) as error:  # such as an unknown PYSAMPLER_CPU_TARGET
        return _fail("info", _one_line(error), 1)
    if arguments.json:
        print(json.dumps(facts, indent=2))
        return 0
    cpu, cuda = facts["cpu"], facts["cuda"]
    forced = "; forced by PYSAMPLER_CPU_TARGET" if cpu["forced"] else ""
    lines = {
        "CPU target": f"{cpu['target']} (supported: {', '.join(cpu['supported'])}{forced})",
        "threads": facts["threads"],
        "CUDA": f"kernels {cuda['kernels']}",
        "devices": ", ".join(cuda["devices"]) or "none",
        "torch": facts["torch"],
        "Python": f"{facts['python']} on {facts['platform']}",
    }
    if cuda["problem"] and cuda["kernels"] not in cuda["problem"]:
        lines["CUDA"] += f", but they cannot be used: {cuda['problem']}"
    print(f"pysampler {facts['version']}")
    for name, value in lines.items():
        print(f"  {name:<12}{value}")
    return 0


# ---- demo ---------------------------------------------------------------------------------------


def _demo(arguments: argparse.Namespace) -> int:
    missing = [name for module, name in _DEMO_LIBRARIES.items() if importlib.util.find_spec(module) is None]
    if missing:
        return _fail("demo", f"needs {', '.join(missing)}; {_INSTALL_DEMO}", 2)
    try:
        from pysampler.demo import run_demo  # noqa: PLC0415 - needs libraries that others may lack

        run_demo(arguments.out, quick=arguments.quick, seeds=arguments.seeds, threads=arguments.threads)
    except BrokenPipeError:
        raise
    except ImportError as error:
        return _fail("demo", f"a library cannot be imported ({_one_line(error)}); {_INSTALL_DEMO}", 2)
    except OSError as error:
        return _fail("demo", f"{_one_line(error)} (can --out be written to?)", 1)
    return 0


_INSTALL_DEMO = 'install what the demo needs with: pip install "pysampler[demo]"'


def _fail(command: str, reason: str, code: int) -> int:
    print(f"pysampler {command}: error: {reason}", file=sys.stderr)
    return code


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
