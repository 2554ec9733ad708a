"""What the samplers share that know nothing of ranks: they hand out whole epochs."""

from __future__ import annotations

from collections.abc import Iterator

from pysampler.samplers.iterators import IndexIterator
from pysampler.samplers.misplaced import refused_as_batch_sampler
from pysampler.samplers.resumable import Resumable


class SingleSampler(Resumable):
    """Whole epochs, one index after another."""

    @property
    def num_samples(self) -> int:
        """Draws per epoch. May be set, for the next pass; states saved before are refused then."""
        return self.draws_per_epoch

    @num_samples.setter
    def num_samples(self, num_samples: int) -> None:
        self.draws_per_epoch = self._checked_draws(num_samples)

    def __len__(self) -> int:
        return self.draws_per_epoch

    def __iter__(self) -> Iterator[int]:
        return refused_as_batch_sampler(self) or IndexIterator(self)
