"""Fresh Python processes, for what one process cannot show: other environments, crashes, signals."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import pysampler

Environment = dict[str, str]

# A process whose parent ignores SIGINT (a shell's background job) would ignore it too.
HEARS_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"

# The compiled part alone, as `core`: importing torch takes seconds.
LOAD_CORE = f"""
from importlib import machinery, util
loader = machinery.ExtensionFileLoader("_core", {pysampler._core.__file__!r})
core = util.module_from_spec(util.spec_from_loader("_core", loader))
loader.exec_module(core)
"""


def start(
    code: str, *options: str, folder: Path | None = None, environment: Environment | None = None
) -> subprocess.Popen[str]:
    """Starts a Python process with command-line options that runs ``code``, its working directory ``folder``."""
    return subprocess.Popen(
        [sys.executable, *options, "-c", HEARS_CTRL_C + textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **(environment or {})},
    )


def run(
    code: str, *options: str, folder: Path | None = None, environment: Environment | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs ``code`` to its end."""
    process = start(code, *options, folder=folder, environment=environment)
    try:
        out, err = process.communicate(timeout=120)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def output_of(code: str, environment: Environment | None = None) -> str:
    """Runs ``code``, which must succeed, and returns what it printed."""
    result = run(code, environment=environment)
    assert result.returncode == 0, f"exit status {result.returncode} (negative: a crash)\n{result.stderr}"
    return result.stdout


def in_child(function: Callable[..., Any], *arguments: Any, patience_seconds: float = 100) -> Any:
    """Runs ``function`` in a forked process and returns its result, so that a crash fails one test only."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def work() -> None:
        torch.set_num_threads(1)  # torch's own threads do not survive a fork
        try:
            sender.send((function(*arguments), None))
        except BaseException as error:
            sender.send((None, repr(error)))

    child = context.Process(target=work)
    child.start()
    sender.close()
    try:
        no_answer = (None, f"no answer for {patience_seconds} seconds")
        result, error = receiver.recv() if receiver.poll(patience_seconds) else no_answer
    except EOFError:
        child.join()
        raise AssertionError(f"crashed with exit status {child.exitcode}") from None
    finally:
        child.kill()
        child.join()
    assert error is None, error
    return result
