"""Accelerate: resuming within an epoch, and samplers that know ranks.

Accelerate shares out batches itself, so give it a sampler that knows nothing of ranks, and resume like this::

    sampler = WeightedRandomSampler(weights, seed=0)
    loader = DataLoader(dataset, batch_sampler=WeightedBatchSampler(sampler, 32))
    loader = ResumableLoader(accelerator.prepare(loader))
    accelerator.register_for_checkpointing(loader)
    accelerator.load_state(folder)  # if there is something to resume from
    for epoch in range(loader.epoch, epochs):
        for batch in loader:
            ...  # accelerator.save_state(folder) at any time

Skipping twice threatens: ``accelerate.skip_first_batches`` and a loaded position both skip. ResumableLoader skips by
the position, which is O(1) and does not read the stream again; so leave ``skip_first_batches`` away (a loader that it
made is refused, and so is a StatefulDataLoader, which skips by itself). Another trap: a prepared loader pins an epoch
of its own count at every ``iter``, which starts at 0 in a resumed run. ResumableLoader sets that count.

Leave ``use_stateful_dataloader`` off, which is the default. With it (Accelerate 1.15, without ResumableLoader) a run
resumed in epoch e goes on with the order of epoch 0, for the loader's own count starts there again; in one process with
a batch sampler it goes on rightly, but then repeats epoch e. Only ``loader.set_epoch(e)``, called after
``load_state`` and before the first pass, makes it go on as it would have.

What Accelerate adds at a ragged end (``even_batches``) repeats the first indices that it has iterated over. In a
resumed run these are others; in the state they count for nothing. ``gather_for_metrics`` takes the dataset's length for
the epoch's, as for any sampler whose ``num_samples`` differs from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from accelerate.data_loader import (
    BatchSamplerShard,
    DataLoaderDispatcher,
    DataLoaderStateMixin,
    SkipBatchSampler,
    prepare_data_loader,
)
from torch.utils.data import DataLoader

from pysampler.inputs.numbers import epoch_number
from pysampler.integrations.loaders import batch_size_of, sampler_of
from pysampler.integrations.progress import Progress
from pysampler.samplers.state import State


class ResumableLoader:
    """A loader that Accelerate has prepared, with a state that counts what training has got.

    Register it for checkpointing and iterate over it instead of the loader. A pass that a ``break`` leaves early is not
    replayed: the next one is of the next epoch.

    Args:
        loader: What ``accelerator.prepare`` or ``prepare_rank_aware`` returned.

    Raises:
        TypeError: Not prepared; it draws from no sampler of this package; or from one that knows ranks and was prepared
            as if it did not, so that most of the data would be left out.
        ValueError: It skips batches by itself.
    """

    def __init__(self, loader: Any) -> None:
        if not isinstance(loader, DataLoaderStateMixin):
            raise TypeError(
                f"ResumableLoader needs what accelerator.prepare(loader) returns, but got {type(loader).__name__}"
            )
        if isinstance(loader.batch_sampler, SkipBatchSampler) or getattr(loader, "skip_batches", 0) > 0:
            raise ValueError(
                "skip_first_batches and a loaded position would skip twice: give ResumableLoader the loader itself"
            )
        if loader.use_stateful_dataloader:
            raise ValueError(
                "a StatefulDataLoader skips by itself, and Accelerate resumes it with the order of epoch 0: leave "
                "use_stateful_dataloader off (DataLoaderConfiguration), for ResumableLoader keeps the place itself"
            )
        self.loader = loader
        self.sampler: Any = sampler_of(loader)
        self._epoch = self.sampler.upcoming.epoch
        self._progress = Progress(self.sampler, _draws_per_step(loader, self.sampler.share().world))

    @property
    def epoch(self) -> int:
        """The epoch of the next pass: in a resumed run, the one to go on with."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Pins the epoch of the next pass. A loaded position of the same epoch stays."""
        number = epoch_number(epoch)
        if number != self._epoch or not self._has_loaded_position():
            self._epoch = number
            self._progress.begin()
        self.loader.set_epoch(number)

    def __len__(self) -> int:
        """Steps of a whole epoch on this rank."""
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        self.set_epoch(self._epoch)
        self._epoch += 1
        try:
            for batch in self.loader:
                self._progress.step()
                if self.loader.end_of_dataloader:
                    self._progress.finish()
                yield batch
        finally:
            if self._has_loaded_position():  # with dispatch_batches, only rank 0 has drawn
                next(iter(self.sampler))

    def _has_loaded_position(self) -> bool:
        return bool(self.sampler.upcoming.position > 0)

    def state_dict(self) -> State:
        """Returns the sampler's state as of the last batch that was handed out: the same on every rank."""
        return self._progress.state_dict()

    def load_state_dict(self, state: Any) -> None:
        """Makes the next pass go on from ``state``, on any number of ranks. ValueError if it is another sampler's."""
        self._progress.load_state_dict(state)
        self._epoch = self.sampler.upcoming.epoch


def prepare_rank_aware(accelerator: Any, loader: Any) -> Any:
    """Prepares a loader whose sampler knows ranks: ``accelerator.prepare`` without the sharing out.

    ``accelerator.prepare`` gives each rank every world-th batch of what it takes for the same batches everywhere. Of a
    DistributedWeightedSampler, that leaves all but one world-th out, without a warning.

    Args:
        accelerator: The Accelerator.
        loader: A DataLoader over a DistributedWeightedSampler, or over a DistributedWeightedBatchSampler given as
            ``batch_sampler``.

    Returns:
        The loader, moving batches to the accelerator's device.

    Raises:
        TypeError: No DataLoader, or its sampler is none of this package.
        ValueError: ``batch_size=None``, for Accelerate forgets the sampler then; ``dispatch_batches``, for only rank 0
            would draw; a device mesh, whose ranks may be to have the same data; or a sampler that draws for another
            number of ranks.
    """
    if not isinstance(loader, DataLoader):
        raise TypeError(f"prepare_rank_aware needs a DataLoader, but got {type(loader).__name__}")
    if loader.batch_sampler is None:
        raise ValueError(
            "Accelerate forgets the sampler of a loader with batch_size=None: give the loader "
            "batch_sampler=DistributedWeightedBatchSampler(...) and the dataset itself"
        )
    if accelerator.dispatch_batches:
        raise ValueError("with dispatch_batches only rank 0 draws: take a WeightedRandomSampler, accelerator.prepare")
    if getattr(accelerator, "torch_device_mesh", None) is not None:
        raise ValueError(
            "ranks of a device mesh may share their data: take a WeightedRandomSampler, accelerator.prepare"
        )
    sampler = sampler_of(loader)
    if sampler.share().world != accelerator.num_processes:
        raise ValueError(
            f"{type(sampler).__name__} draws for {sampler.share().world} of {accelerator.num_processes} processes: "
            "take a DistributedWeightedSampler, or accelerator.prepare"
        )
    prepared: Any = prepare_data_loader(
        loader,
        accelerator.device,
        num_processes=1,
        process_index=0,
        put_on_device=accelerator.device_placement,
        rng_types=accelerator.rng_types.copy(),
        dispatch_batches=False,
        non_blocking=accelerator.non_blocking,
        use_stateful_dataloader=accelerator.use_stateful_dataloader,
    )
    prepared._is_accelerate_prepared = True  # as accelerator.prepare marks it, so that it will leave it alone
    return accelerator.prepare(prepared)


def _draws_per_step(loader: Any, world: int) -> int:
    """Returns how many positions of the epoch the ranks together take in one step."""
    layer = loader.batch_sampler
    if isinstance(loader, DataLoaderDispatcher):
        sharers = 1 if loader.split_batches else loader.state.num_processes
        shared = loader.state.num_processes > 1
    elif isinstance(layer, BatchSamplerShard):
        sharers = 1 if layer.split_batches else layer.num_processes
        shared = layer.num_processes > 1
    else:
        sharers, shared = 1, False
    if shared and world > 1:
        raise TypeError(
            f"the sampler draws for one of {world} ranks, and Accelerate shares out its batches once more: prepare the "
            "loader by prepare_rank_aware, or take a WeightedRandomSampler"
        )
    return batch_size_of(loader) * sharers * world
