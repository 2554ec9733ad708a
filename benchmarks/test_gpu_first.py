"""The logic of gpu_first.sh, tried with stand-ins for every tool: what passes, fails, hangs or is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("gpu_first.sh")
TOOLS = ("nvidia-smi", "nvcc", "ncu", "compute-sanitizer", "standin-python")
STEPS = ("build", "tests", "memcheck", "racecheck", "speed", "ncu", "heavy")
needs_bash = pytest.mark.skipif(sys.platform == "win32" or shutil.which("bash") is None, reason="bash is not to be had")
pytestmark = needs_bash

# Stands in for all tools: says what it was called with and does what its environment asks of it.
STAND_IN = """#!/bin/sh
all="$(basename "$0") $*"
case "$all" in *gpu_speed*) for last; do :; done; [ -n "$NOTHING_MEASURED" ] || echo '{}' > "$last" ;; esac
echo "1 passed by $(basename "$0")"
[ -n "$FAILS" ] && case "$all" in *$FAILS*) echo "FAILED test_x"; exit 3 ;; esac
[ -n "$HANGS" ] && case "$all" in *$HANGS*) trap '' TERM; sleep 30 & wait; sleep 30 ;; esac
exit 0
"""


def run(folder: Path, missing: str = "", **environment: str) -> tuple[int, str, set[str]]:
    """Exit code, what was printed, and the files that are left."""
    tools, out = folder / "tools", folder / "out"
    tools.mkdir()
    for name in (
        *TOOLS,
        "bash",
        "timeout",
        "tail",
        "sed",
        "grep",
        "cut",
        "cat",
        "head",
        "mkdir",
        "dirname",
        "basename",
    ):
        if name == missing:
            continue
        if name in TOOLS:
            (tools / name).write_text(STAND_IN)
            (tools / name).chmod(0o755)
        else:
            (tools / name).symlink_to(shutil.which(name) or name)
    for name in ("sleep", "sh"):
        (tools / name).symlink_to(shutil.which(name) or name)
    found = subprocess.run(
        [str(tools / "bash"), str(SCRIPT)],
        env={"PATH": str(tools), "OUT": str(out), "PYTHON": "standin-python", "HOME": os.environ.get("HOME", "/")}
        | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return found.returncode, found.stdout + found.stderr, {path.name for path in out.iterdir()}


def test_where_all_passes_the_verdict_says_so_and_eight_files_are_left(tmp_path: Path) -> None:
    code, said, files = run(tmp_path)
    assert said.splitlines()[-1] == "VERDICT: all passed"
    assert code == 0, said
    assert files == {f"{step}.txt" for step in STEPS} | {"gpu.json"}
    assert [line.split()[1] for line in said.splitlines()[-8:-1]] == list(STEPS)


@pytest.mark.parametrize(
    ("which", "step"),
    [("gpu_marks.py*not", "tests"), ("racecheck", "racecheck"), ("gpu_speed", "speed"), ("gpu_ncu", "ncu")],
)
def test_one_step_that_fails_makes_the_whole_fail_and_the_others_run_on(tmp_path: Path, which: str, step: str) -> None:
    code, said, files = run(tmp_path, FAILS=which)
    assert code == 1
    assert said.splitlines()[-1] == "VERDICT: FAILED"
    assert [line.split()[1] for line in said.splitlines()[-8:-1] if not line.startswith("passed")] == [step]
    assert len(files) == 8


def test_a_build_that_fails_ends_it(tmp_path: Path) -> None:
    code, said, files = run(tmp_path, FAILS="setup.py")
    assert code == 1
    assert said.splitlines()[-1] == "VERDICT: FAILED"
    assert files == {"build.txt"}


def test_a_step_that_hangs_is_stopped_and_counts_as_a_failure(tmp_path: Path) -> None:
    begun = time.monotonic()
    code, said, _ = run(tmp_path, HANGS="racecheck", LIMIT_S="1")
    assert code == 1
    assert said.splitlines()[-1] == "VERDICT: FAILED"
    assert [line.split()[1] for line in said.splitlines()[-8:-1] if line.startswith("STOPPED")] == ["racecheck"]
    assert time.monotonic() - begun < 60  # it ignores the first signal, and would go on for a minute


@pytest.mark.parametrize("tool", ["ncu", "compute-sanitizer", "nvidia-smi"])
def test_a_tool_that_is_missing_is_named_and_counts_as_a_failure(tmp_path: Path, tool: str) -> None:
    code, said, _ = run(tmp_path, missing=tool)
    assert code == 1
    assert said.splitlines()[-1] == "VERDICT: FAILED"
    assert tool in said


def test_a_measurement_that_left_no_figures_is_a_failure(tmp_path: Path) -> None:
    code, said, _ = run(tmp_path, NOTHING_MEASURED="1")
    assert code == 1
    assert "nothing was measured" in said
