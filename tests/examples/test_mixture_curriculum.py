"""The curriculum's example, run as users run it: killed and gone on with, its own checks passed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch.distributed

EXAMPLE = Path(__file__).parents[2] / "examples" / "mixture_curriculum.py"


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="torch has no gloo")
def test_a_curriculum_killed_in_its_second_stage_goes_on_with_one_process_more() -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLE, "--quick"], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "exit status -9" in done.stdout
    found = re.search(r"3 processes went on from (\d+) to 960: all 960 indices are those", done.stdout)
    assert found
    assert 480 <= int(found[1]) < 960
    counts = [list(map(int, re.findall(r"\d+", line))) for line in done.stdout.splitlines() if "a batch of" in line]
    for counted, shares in zip(counts, ((6, 3, 1), (1, 2, 7)), strict=True):
        assert all(abs(count - 2.4 * share) < 1 for count, share in zip(counted, shares, strict=True))
    assert len(re.findall(r"loss per byte of \w+: \d", done.stdout)) == 3
