"""What every test gets: torch left as it was found, and property tests that try the same examples each time.

With ``PYSAMPLER_SKIPPED=FILE`` the ids of skipped tests (of files that were skipped whole, their paths) are added to
that file, for a second run with the libraries that were missing: ``pytest @FILE``.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

# Settles it: torchrl, once imported, would have every process that a test starts import torch again ("spawn").
multiprocessing.get_start_method()

hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=60)
hypothesis.settings.load_profile("fixed")


@pytest.fixture(autouse=True)
def _torch_is_left_as_it_was() -> Iterator[None]:
    """Restores the thread count, the global random state and the treatment of denormals."""
    threads = torch.get_num_threads()
    state = torch.get_rng_state()
    yield
    torch.set_num_threads(threads)
    torch.set_rng_state(state)
    torch.set_flush_denormal(False)


@pytest.fixture(params=[1, 2, 3, 4], ids=lambda count: f"{count}-threads")
def threads(request: pytest.FixtureRequest) -> int:
    """Runs the test once for each thread count from 1 to 4."""
    count = int(request.param)
    torch.set_num_threads(count)
    return count


def _note_skipped(report: pytest.CollectReport | pytest.TestReport) -> None:
    file = os.environ.get("PYSAMPLER_SKIPPED")
    if file and report.skipped:
        with Path(file).open("a", encoding="utf-8") as skipped:  # a line at a time: several processes may append
            skipped.write(f"{report.nodeid}\n")


pytest_runtest_logreport = _note_skipped
pytest_collectreport = _note_skipped
