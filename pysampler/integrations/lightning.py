"""Lightning: resuming within an epoch, exactly.

Give Lightning a DistributedSampler of this package and leave all its settings alone::

    sampler = DistributedWeightedSampler(weights, seed=0)
    loader = DataLoader(dataset, batch_size=32, sampler=sampler, num_workers=4)
    trainer = Trainer(callbacks=[ResumeSampler()])
    trainer.fit(model, loader, ckpt_path=...)

Why a callback: when Lightning resumes in the middle of an epoch it counts on from the batch it had reached, but its
loader starts at the beginning (it skips nothing). With workers it even begins the pass before it calls ``set_epoch``,
so that epoch 0 would be replayed. So the sampler itself must carry epoch and position.

Skipping twice threatens if the loader has a state of its own: torchdata's StatefulDataLoader is saved and loaded by
Lightning, and saves its sampler with it; this callback refuses such a loader. Alone, without this callback, such a
loader goes on exactly from the middle of an epoch, but not from its end (Lightning 2.6, torchdata 0.11, with torch's
samplers as with ours): from a checkpoint that ``every_n_train_steps`` wrote at the last step, an epoch is left out, and
with workers, from one written after it, epoch 0 comes again. So take torch's DataLoader and this callback.

A sampler of this package that Lightning has wrapped or replaced (a rank-free one in a distributed run,
``overfit_batches``) is a TypeError at the start of training.
"""

from __future__ import annotations

import warnings
from typing import Any

from torch.utils.data import DataLoader

from pysampler.integrations.lightning_base import callback_class
from pysampler.integrations.loaders import batch_size_of, sampler_of
from pysampler.integrations.progress import Progress
from pysampler.samplers.state import State


class ResumeSampler(callback_class()):  # type: ignore[misc]  # known at run time only
    """Saves the training sampler's state in every checkpoint, and resumes from it.

    The state counts the batches that were trained on, not those that workers have prefetched; it is the same on every
    rank and may be loaded on another number of ranks (keep the global batch size, for Lightning counts batches).

    An epoch that ``max_steps`` or ``should_stop`` cuts short is over for Lightning, which resumes in the next one; so
    it is here. To go on within it, resume from a checkpoint written in mid-epoch (``every_n_train_steps``).

    With workers, those that Lightning has started before the state could be loaded are replaced: once per resume.

    Raises:
        TypeError: At the start of training: there is no sampler of this package in the training loader (any more),
            more than one training loader, or one that has a state of its own.
        ValueError: At the start of training: the checkpoint's state is of another sampler; or it draws for a number
            of ranks other than the strategy shares data out to.
        RuntimeError: This version of Lightning cannot start a loader again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._progress: Progress | None = None
        self._loaded: State | None = None
        self._goes_on = False

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Forgets what another run has left."""
        self._progress = self._loaded = None

    def state_dict(self) -> State:
        """Returns the sampler's state, or nothing before training has begun."""
        if self._progress is None:
            return self._loaded or {}
        return self._progress.state_dict()

    def load_state_dict(self, state_dict: State) -> None:
        """Takes the state; the sampler gets it when there is a loader."""
        self._loaded = state_dict

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Warns of a checkpoint that knows nothing of the sampler."""
        if not checkpoint.get("callbacks", {}).get(self.state_key):
            warnings.warn(
                "the checkpoint holds no sampler's state, for it was written without ResumeSampler: the sampler starts "
                "at epoch 0 unless you call its set_epoch",
                stacklevel=2,
            )

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Finds the sampler, and makes it go on from the checkpoint."""
        loader = _only_loader(trainer.train_dataloader)
        sampler = sampler_of(loader)
        world, replicas = sampler.share().world, (trainer.distributed_sampler_kwargs or {}).get("num_replicas", 1)
        if world != replicas:
            raise ValueError(
                f"{type(sampler).__name__} draws for {world} ranks, but Lightning trains {replicas} on different data: "
                "take a DistributedWeightedSampler, with num_replicas and rank if not every process is to have its own"
            )
        self._progress = Progress(sampler, batch_size_of(loader) * world)
        if self._loaded is not None:
            self._progress.load_state_dict(self._loaded)
            self._loaded, self._goes_on = None, True
            _start_again(trainer)

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Begins to count anew, unless the epoch is the one that goes on."""
        assert self._progress is not None
        if not self._goes_on:
            self._progress.begin()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Counts. Lightning calls this before its own ModelCheckpoint's."""
        assert self._progress is not None
        self._goes_on = False
        self._progress.step()
        if batch_idx + 1 >= trainer.num_training_batches:  # limit_train_batches may end an epoch early
            self._progress.finish()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Notes the epoch's end as Lightning sees it, be it cut short: it pins the next one when it resumes."""
        assert self._progress is not None
        self._progress.finish()


def _only_loader(loaders: Any) -> Any:
    """Returns the training loader if it is one whose place nobody else keeps."""
    if not isinstance(loaders, DataLoader):
        raise TypeError(f"ResumeSampler needs one DataLoader for training, but got {type(loaders).__name__}")
    if hasattr(loaders, "load_state_dict"):
        raise TypeError(
            f"{type(loaders).__name__} is saved and loaded by Lightning, and its sampler with it, so the same batches "
            "would be skipped twice: give ResumeSampler a torch.utils.data.DataLoader"
        )
    return loaders


def _start_again(trainer: Any) -> None:
    """Makes Lightning begin the pass anew. With workers, it has begun one before callbacks could say where."""
    fetcher = getattr(trainer.fit_loop, "_data_fetcher", None)
    if fetcher is None:
        raise RuntimeError(
            "this version of Lightning keeps its loader elsewhere: load the sampler's state before trainer.fit"
        )
    iter(fetcher)
