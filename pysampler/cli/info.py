"""`pysampler info`: which version, CPU target, threads and CUDA are in use."""

from __future__ import annotations

import argparse
import json
import os
import platform
from typing import Any

import torch

import pysampler
from pysampler.cli.messages import fail
from pysampler.cuda import availability


def add_parser(commands: Any) -> None:
    """Adds the command to argparse's subparsers."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "info", help="say which version, CPU target, threads and CUDA are in use"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


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


def run(arguments: argparse.Namespace) -> int:
    """Prints the facts and returns the exit code."""
    try:
        facts = describe()
    except (ValueError, RuntimeError) as error:
        return fail("info", error, 2)
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
