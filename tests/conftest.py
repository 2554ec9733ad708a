"""What every test gets: torch left as it was found, and property tests that try the same examples each time."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
import torch

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
