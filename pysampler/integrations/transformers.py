"""Hugging Face's Trainer: samplers with weights, batches made in C++, and resuming.

Put ``WeightedBatches`` before the Trainer, and give it a sampler that knows nothing of ranks (Trainer shares out
batches by Accelerate)::

    class WeightedTrainer(WeightedBatches, Trainer):
        pass

    trainer = WeightedTrainer(
        model, args, train_dataset=dataset, train_sampler=WeightedRandomSampler(weights, seed=0)
    )
    trainer.train(resume_from_checkpoint=True)

Trainer resumes by skipping the batches that it has trained on: it draws their indices again and loads no items. For
this it adds a layer around the batch sampler which, with several processes, its ``set_epoch`` does not cross, so that
a run resumed in epoch 1 would draw those of epoch 0. ``EpochOnResume`` sets the epoch; WeightedBatches adds it.

Skipping twice threatens if you load a sampler's state as well. Don't: with Trainer, epoch and skipping are all there
is. If Trainer would skip and the sampler has a position too, EpochOnResume raises.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import torch.utils.data
from transformers import TrainerCallback
from transformers.trainer_utils import seed_worker

from pysampler.integrations.loaders import sampler_of
from pysampler.samplers.batches import WeightedBatchSampler
from pysampler.samplers.distributed import RankedSampler
from pysampler.samplers.resumable import Resumable


class EpochOnResume(TrainerCallback):
    """Pins the sampler's epoch at the beginning of each epoch.

    For a Trainer whose ``_get_train_sampler`` or ``get_train_dataloader`` you have overridden yourself.

    Raises:
        TypeError: When an epoch begins: Trainer's loader draws from no sampler of this package.
        ValueError: When an epoch begins: the sampler has been given a position, and Trainer skips as well.
    """

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called before Trainer adds its skipping layer."""
        sampler = sampler_of(kwargs["train_dataloader"])
        if sampler.upcoming.position > 0 and not args.ignore_data_skip:
            raise ValueError(
                f"the sampler would go on at position {sampler.upcoming.position}, but Trainer skips what it has "
                "trained on by itself: do not load a sampler's state, or set ignore_data_skip=True"
            )
        sampler.set_epoch(int(state.epoch or 0))


class WeightedBatches:
    """Mixin that gives a Trainer batches of a weighted (or shuffling) sampler.

    Args:
        train_sampler: A WeightedRandomSampler or another rank-free sampler of this package, with a seed. Its batches
            are as large as the TrainingArguments say.

    The others are Trainer's.

    Raises:
        TypeError: Another sampler, or one that knows ranks: Trainer would leave out most of its data.
        ValueError: Without a seed, if there are several processes: each would draw something else. Arguments that ask
            Trainer to group items by length or to choose them otherwise.
    """

    def __init__(self, *args: Any, train_sampler: Resumable, **kwargs: Any) -> None:
        if not isinstance(train_sampler, Resumable):
            raise TypeError(f"train_sampler must be a sampler of pysampler, but got {type(train_sampler).__name__}")
        if isinstance(train_sampler, RankedSampler):
            raise TypeError(
                f"Trainer shares out batches itself, and of {type(train_sampler).__name__} would leave out what other "
                "ranks draw: take WeightedRandomSampler or ShuffleSampler"
            )
        self.train_sampler = train_sampler
        super().__init__(*args, **kwargs)
        trainer: Any = self
        _check_strategy(trainer.args)
        if train_sampler.seed is None and trainer.args.world_size > 1:
            raise ValueError("train_sampler needs a seed if there are several processes, so that all draw the same")
        trainer.add_callback(EpochOnResume)

    def get_train_dataloader(self) -> Any:
        """Returns Trainer's training loader, but with batches of ``train_sampler``."""
        trainer: Any = self
        args, dataset, collate = trainer.args, trainer.train_dataset, trainer.data_collator
        if hasattr(dataset, "column_names"):  # a datasets.Dataset, of which Trainer passes on only what the model takes
            dataset = trainer._remove_unused_columns(dataset, description="training")
        else:
            collate = trainer._get_collator_with_removed_columns(collate, description="training")
        batches = WeightedBatchSampler(self.train_sampler, trainer._train_batch_size, args.dataloader_drop_last)
        loader: Any = torch.utils.data.DataLoader(
            dataset,
            batch_sampler=batches,
            collate_fn=collate,
            num_workers=args.dataloader_num_workers,
            pin_memory=args.dataloader_pin_memory,
            persistent_workers=args.dataloader_persistent_workers,
            prefetch_factor=args.dataloader_prefetch_factor,
            worker_init_fn=_worker_seeding(args),
            **_newer_arguments(args),
        )
        return trainer.accelerator.prepare(loader)


def _worker_seeding(args: Any) -> Callable[..., None]:
    """Trainer's own: workers of different ranks must not draw the same random numbers, in augmentations say."""
    seeding: Callable[..., None] = seed_worker
    if "rank" not in inspect.signature(seed_worker).parameters:
        return seeding  # of versions before 4.53
    return partial(seeding, num_workers=args.dataloader_num_workers, rank=args.process_index)


def _newer_arguments(args: Any) -> dict[str, Any]:
    """What later versions of Trainer hand on to the loader as well."""
    names = ("multiprocessing_context", "in_order")
    return {name: getattr(args, f"dataloader_{name}") for name in names if hasattr(args, f"dataloader_{name}")}


def _check_strategy(args: Any) -> None:
    """Raises ValueError if Trainer is asked to choose or group items itself: train_sampler does."""
    strategy = getattr(args, "train_sampling_strategy", "random")
    if getattr(args, "group_by_length", False) or strategy != "random":
        asked = "group_by_length=True" if getattr(args, "group_by_length", False) else f"{strategy!r}"
        raise ValueError(f"train_sampler says which items come: leave out {asked} (train_sampling_strategy)")
