"""Hooks of frameworks that we write again: every argument of the framework's own call is handed on, or named here.

A framework that adds an argument, to a hook or to a call that we make in its place, fails these tests: what it asks
for would otherwise be lost without a word.
"""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from optional import require
from torch.utils.data import DataLoader

import pysampler
from pysampler import DistributedWeightedSampler, WeightedRandomSampler

ITEMS: Any = list(range(8))
_ACCEPTING_ALL = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


def unlike(ours: Any, theirs: Any) -> list[str]:
    """Names those parameters of a framework's function, in their places, that ours does not take."""
    mine = list(inspect.signature(ours).parameters.values())
    accepts_names = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in mine)
    names = [parameter.name for parameter in mine]
    wrong = []
    for place, wanted in enumerate(inspect.signature(theirs).parameters.values()):
        if wanted.kind in _ACCEPTING_ALL:
            continue
        keyword = wanted.kind is inspect.Parameter.KEYWORD_ONLY
        found = wanted.name in names if keyword else names[place : place + 1] == [wanted.name]
        if not found and not (accepts_names and keyword):
            wrong.append(wanted.name)
    return wrong


def hooks_of(ours: type, base: type) -> list[str]:
    """Which methods of a framework's class ours has again, other than constructors."""
    return sorted(
        name for name, value in vars(ours).items() if callable(value) and name != "__init__" and hasattr(base, name)
    )


def test_the_comparison_sees_an_added_a_renamed_and_a_moved_argument() -> None:
    def theirs(self: Any, trainer: Any, batch: Any) -> None: ...
    def added(self: Any, trainer: Any, batch: Any, dataloader_idx: Any) -> None: ...
    def renamed(self: Any, trainer: Any, data: Any) -> None: ...
    def moved(self: Any, batch: Any, trainer: Any) -> None: ...

    assert unlike(theirs, theirs) == []
    assert unlike(theirs, added) == ["dataloader_idx"]
    assert unlike(theirs, renamed) == ["data"]
    assert unlike(theirs, moved) == ["batch", "trainer"]


# ---- Accelerate ---------------------------------------------------------------------------------

# What accelerator.prepare says to prepare_data_loader, and prepare_rank_aware does not, because the sampler shares out:
_OF_SHARING_OUT = {
    "split_batches": "how batches are split among ranks",
    "even_batches": "what is added so that all ranks get as much",
    "slice_fn_for_dispatch": "how rank 0 splits what it has drawn; dispatch_batches is refused",
    "use_seedable_sampler": "for torch's RandomSampler only",
    "data_seed": "that of the seedable sampler",
    "torch_device_mesh": "how ranks are grouped; a mesh is refused",
}


def calls_of_prepare_data_loader(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> tuple[Any, Any]:
    accelerate = require("accelerate")
    ours = __import__("pysampler.integrations.accelerate", fromlist=["_"])
    calls: list[dict[str, Any]] = []

    def recorded(loader: Any, device: Any, **named: Any) -> Any:
        calls.append({"device": device, **named})
        return loader

    configuration = accelerate.utils.DataLoaderConfiguration(**options)
    accelerator = accelerate.Accelerator(cpu=True, dataloader_config=configuration, rng_types=["torch", "python"])
    monkeypatch.setattr(accelerate.accelerator, "prepare_data_loader", recorded)
    monkeypatch.setattr(ours, "prepare_data_loader", recorded)
    accelerator.prepare(DataLoader(ITEMS, 2, sampler=WeightedRandomSampler([1.0] * 8, seed=0)))
    ours.prepare_rank_aware(accelerator, DataLoader(ITEMS, 2, sampler=DistributedWeightedSampler([1.0] * 8)))
    stock, mine = calls
    return stock, mine


def test_accelerates_own_arguments_are_all_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"non_blocking": True}
    if "use_stateful_dataloader" in inspect.signature(require("accelerate").utils.DataLoaderConfiguration).parameters:
        options["use_stateful_dataloader"] = True
    stock, mine = calls_of_prepare_data_loader(monkeypatch, options)
    assert stock.keys() - mine.keys() == _OF_SHARING_OUT.keys()
    assert mine.keys() <= stock.keys()
    assert (mine["num_processes"], mine["process_index"]) == (1, 0)  # nothing is shared out
    for name in mine.keys() - {"num_processes", "process_index", "dispatch_batches"}:
        assert mine[name] == stock[name], name
    assert mine["rng_types"] is not stock["rng_types"]  # Accelerate edits the list


def test_everything_that_prepare_data_loader_takes_is_known() -> None:
    require("accelerate")
    from accelerate.data_loader import prepare_data_loader

    taken = set(inspect.signature(prepare_data_loader).parameters) - {"dataloader", "device"}
    known = {"num_processes", "process_index", "put_on_device", "rng_types", "dispatch_batches", "non_blocking"}
    assert taken == known | {"use_stateful_dataloader"} | _OF_SHARING_OUT.keys()


def test_random_number_generators_of_ranks_are_set_alike_as_accelerate_does() -> None:
    accelerate = require("accelerate")
    from pysampler.integrations.accelerate import prepare_rank_aware

    accelerator = accelerate.Accelerator(cpu=True, rng_types=["torch"])
    loader = prepare_rank_aware(accelerator, DataLoader(ITEMS, 2, sampler=DistributedWeightedSampler([1.0] * 8)))
    assert loader.rng_types == ["torch"]


# ---- Lightning ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ResumeSampler", "CoverageCallback"])
def test_lightnings_hooks_take_what_lightning_says(name: str) -> None:
    base = require("lightning.pytorch").Callback
    from pysampler.integrations import lightning, lightning_coverage

    ours = getattr(lightning if name == "ResumeSampler" else lightning_coverage, name)
    hooks = hooks_of(ours, base)
    assert "on_train_batch_end" in hooks
    for hook in hooks:
        if not isinstance(inspect.getattr_static(base, hook), property):
            assert unlike(getattr(ours, hook), getattr(base, hook)) == [], hook
    public = {name for name, value in vars(ours).items() if not name.startswith("_") and callable(value)}
    assert public == set(hooks)  # none that Lightning does not know, and so would never call


def test_a_loader_is_begun_again_as_lightning_begins_it() -> None:
    """ResumeSampler does by itself what the last line of FitLoop.setup_data says: should that grow, this must too."""
    require("lightning.pytorch")
    from lightning.pytorch.loops.fetchers import _DataFetcher
    from lightning.pytorch.loops.fit_loop import _FitLoop

    source = inspect.getsource(_FitLoop)
    assert source.count("iter(self._data_fetcher)") == 1
    assert list(inspect.signature(_DataFetcher.__iter__).parameters) == ["self"]


# ---- Trainer ------------------------------------------------------------------------------------


def test_trainers_hooks_take_what_trainer_says() -> None:
    transformers = require("transformers")
    require("accelerate")
    from pysampler.integrations.transformers import EpochOnResume, WeightedBatches

    assert hooks_of(EpochOnResume, transformers.TrainerCallback) == ["on_epoch_begin"]
    assert unlike(EpochOnResume.on_epoch_begin, transformers.TrainerCallback.on_epoch_begin) == []
    assert hooks_of(WeightedBatches, transformers.Trainer) == ["get_train_dataloader"]
    assert unlike(WeightedBatches.get_train_dataloader, transformers.Trainer.get_train_dataloader) == []


def test_trainers_seeding_of_workers_takes_what_it_is_given() -> None:
    require("transformers")
    from transformers.trainer_utils import seed_worker

    assert list(inspect.signature(seed_worker).parameters) in (["_"], ["worker_id", "num_workers", "rank"])


# ---- torch --------------------------------------------------------------------------------------

_TORCHS = [
    (pysampler.WeightedRandomSampler, torch.utils.data.WeightedRandomSampler, {}),
    (pysampler.WeightedBatchSampler, torch.utils.data.BatchSampler, {}),
]


@pytest.mark.parametrize(("ours", "theirs", "absent"), _TORCHS)
def test_constructors_take_what_torchs_take(ours: Any, theirs: Any, absent: Any) -> None:
    assert unlike(ours.__init__, theirs.__init__) == list(absent)
    for hook in hooks_of(ours, theirs):
        if not isinstance(inspect.getattr_static(theirs, hook), property) and hook in vars(theirs):
            assert unlike(getattr(ours, hook), getattr(theirs, hook)) == [], hook


def test_distributed_samplers_take_what_torchs_takes_by_name() -> None:
    theirs = set(inspect.signature(torch.utils.data.distributed.DistributedSampler.__init__).parameters)
    ours = set(inspect.signature(DistributedWeightedSampler.__init__).parameters)
    # weights in the place of the dataset; draws are always shuffled
    assert theirs - ours == {"dataset", "shuffle"}
    assert unlike(DistributedWeightedSampler.set_epoch, torch.utils.data.distributed.DistributedSampler.set_epoch) == []


def test_multinomial_takes_what_torchs_takes_by_name() -> None:
    (schema,) = [each for each in torch._C._jit_get_schemas_for_operator("aten::multinomial") if not each.overload_name]
    taken = set(inspect.signature(pysampler.multinomial).parameters)
    assert {argument.name for argument in schema.arguments} - {"self"} <= taken
    assert {"input", "out"} <= taken
