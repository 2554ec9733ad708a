"""The one command for GPU machines, as far as it can be tried without a GPU."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from .gpu import Run, Step

STEP = Step("tests", "passed", "1 passed", 1.0)


def test_steps_are_written_into_what_this_run_measured(tmp_path: Path) -> None:
    run = Run()
    run.steps.append(STEP)
    path = tmp_path / "gpu.json"
    path.write_text('{"records": []}')
    run.report(path)
    assert json.loads(path.read_text()) == {
        "records": [],
        "steps": [{"name": "tests", "outcome": "passed", "said": "1 passed", "seconds": 1.0}],
    }


def test_what_another_run_measured_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gpu.json"
    path.write_text('{"records": []}')
    os.utime(path, (1e9, 1e9))
    run = Run()
    run.steps.append(STEP)
    run.report(path)
    assert path.read_text() == '{"records": []}'
    assert "is not written" in capsys.readouterr().out
    run.report(tmp_path / "missing.json")
    assert not (tmp_path / "missing.json").exists()
