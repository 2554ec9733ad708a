"""How far training has come in a pass, counted by the batches that left the loader."""

from __future__ import annotations

from typing import Any

from pysampler.samplers.resumable import Resumable
from pysampler.samplers.state import State


class Progress:
    """Counts the steps of a pass, since a sampler knows only what it has handed out.

    Loaders are ahead: by ``num_workers * prefetch_factor`` batches, by one in Accelerate. A state written from the
    sampler's position would lose these.

    Args:
        sampler: What the loader draws from.
        draws_per_step: Positions of the epoch that all ranks together take in one step.
    """

    def __init__(self, sampler: Resumable, draws_per_step: int) -> None:
        self.sampler = sampler
        self.draws_per_step = draws_per_step
        self.begin()

    def begin(self) -> None:
        """Notes that a pass begins, from where the sampler will go on."""
        self._start = 0
        self._steps = 0
        self._finished = False

    def step(self) -> None:
        """Notes that a batch has been handed to training."""
        self._steps += 1

    def finish(self) -> None:
        """Notes that training is done with this epoch, even if not everything of it has been drawn."""
        self._finished = True

    def state_dict(self) -> State:
        """Returns the state that a sampler would have which had handed out just these batches."""
        draws = self.sampler.draws_per_epoch
        reached = draws if self._finished else min(self._start + self._steps * self.draws_per_step, draws)
        # The sampler's own counts are of one rank's items; with dispatch_batches, this rank may draw none.
        return {**self.sampler.state_dict(since_begun=0), "position": reached}

    def load_state_dict(self, state: Any) -> None:
        """Makes the sampler's next pass go on from ``state``. Raises what ``sampler.load_state_dict`` raises."""
        self.sampler.load_state_dict(state)
        if state["position"] == self.sampler.draws_per_epoch:
            # The next epoch follows, whoever had pinned this one: frameworks may begin before they say so.
            self.sampler.set_epoch(self.sampler.upcoming.epoch)
        self.begin()
        self._start = self.sampler.upcoming.position
