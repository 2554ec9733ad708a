"""torchrl's replay buffers with our PrioritizedSampler: its own cases of a prioritised sampler, and its known faults.

The cases follow torchrl's test/rb/test_prioritized.py and test_samplers.py (MIT), in own words; numbers in names are
issues and pull requests of pytorch/rl.
"""

from __future__ import annotations

import itertools
import multiprocessing
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from chi_square import ALPHA, p_value
from optional import require

tensordict: Any = require("tensordict")
data: Any = require("torchrl.data")
schedulers: Any = require("torchrl.data.replay_buffers.scheduler")
samplers: Any = require("torchrl.data.replay_buffers.samplers")

from torchrl_buffers import buffer_of, trained, weights_of  # noqa: E402

from pysampler.integrations.torchrl import PrioritizedSampler  # noqa: E402

TensorDict = tensordict.TensorDict
HAS_TREES = samplers.SumSegmentTreeFp32 is not None


@pytest.mark.parametrize("key", ["pk", "td_error"])
@pytest.mark.parametrize("alpha", [0.0, 0.7])
@pytest.mark.parametrize("storage", [data.ListStorage, data.LazyTensorStorage])
def test_tensordict_buffers_return_what_was_written_and_follow_a_strong_update(
    key: str, alpha: float, storage: Any
) -> None:
    torch.manual_seed(0)
    buffer = data.TensorDictReplayBuffer(
        storage=storage(5),
        sampler=PrioritizedSampler(5, alpha=alpha, beta=0.9),
        priority_key=key,
        batch_size=5,
    )
    for count in (3, 5):  # the second fills and wraps
        written = TensorDict(
            {"a": torch.randn(count, 1), key: torch.rand(count, 1) / 10, "number": torch.arange(count).view(-1, 1)},
            batch_size=[count],
        )
        buffer.extend(written)
        batch = buffer.sample()
        assert batch.batch_size == torch.Size([5])
        assert torch.equal(written[batch["number"].squeeze()]["a"], batch["a"])
    if alpha == 0.0:
        return
    first = batch["a"][0].clone()
    strong = torch.full((5, 1), 0.01)
    strong[batch["a"] == first] = 1e8
    batch.set(key, strong)
    buffer.update_tensordict_priority(batch)
    assert (buffer.sample()["a"] == first).all()


@pytest.mark.parametrize("stack", [False, True])
@pytest.mark.parametrize("reduction", ["min", "max", "median", "mean"])
def test_trajectories_are_reduced_to_one_priority_each(reduction: str, stack: bool) -> None:
    trajectories = TensorDict({"obs": torch.randn(3, 4, 5), "actions": torch.randn(3, 4, 2)}, batch_size=[3, 4])
    if stack:
        trajectories = torch.stack(list(trajectories), 0)
    buffer = data.TensorDictReplayBuffer(
        sampler=PrioritizedSampler(5, alpha=1.0, beta=0.9, eps=0.0, reduction=reduction),
        priority_key="td_error",
        batch_size=3,
    )
    buffer.extend(trajectories)
    batch = buffer.sample()
    errors = torch.rand(batch.shape)
    batch.set("td_error", errors)
    buffer.update_tensordict_priority(batch)
    last = {int(index): number for number, index in enumerate(batch["index"].reshape(3, -1)[:, 0])}
    reduced = {"min": torch.amin, "max": torch.amax, "median": lambda t, d: t.median(d).values, "mean": torch.mean}
    for index, number in last.items():
        assert weights_of(buffer)[index] == pytest.approx(float(reduced[reduction](errors[number], 0)))
    again = buffer.sample()
    assert again.batch_size == torch.Size([3, 4])
    assert (again["priority_weight"] > 0).all()


@pytest.mark.parametrize("alpha", [0.4, 0.7])
@pytest.mark.parametrize("within", [False, True])
def test_3925_a_new_item_gets_the_greatest_priority_raised_to_alpha_once(alpha: float, within: bool) -> None:
    sampler = PrioritizedSampler(10, alpha=alpha, beta=0.9, max_priority_within_buffer=within)
    sampler.update_priority(torch.tensor([0]), torch.tensor([100.0]))
    sampler.mark_update(torch.tensor([1]))
    weights = weights_of(sampler)
    assert weights[1] == pytest.approx((100 + 1e-8) ** alpha, rel=1e-6)
    assert weights[0] == weights[1]


def test_the_greatest_in_the_buffer_is_a_priority_and_not_its_power() -> None:
    sampler = PrioritizedSampler(5, alpha=0.6, beta=0.9, max_priority_within_buffer=True)
    sampler.update_priority(torch.tensor([0, 1]), torch.tensor([100.0, 10.0]))
    sampler.update_priority(torch.tensor([0]), torch.tensor([50.0]))
    assert sampler.default_priority == 50.0
    sampler.mark_update(torch.tensor([2]))
    assert weights_of(sampler)[2] == pytest.approx(50**0.6, rel=1e-6)


@pytest.mark.parametrize("within", [False, True])
def test_with_alpha_zero_the_greatest_priority_is_still_known(within: bool) -> None:
    sampler = PrioritizedSampler(5, alpha=0.0, beta=0.9, max_priority_within_buffer=within)
    sampler.update_priority(torch.tensor([0, 1]), torch.tensor([100.0, 10.0]))
    sampler.update_priority(torch.tensor([0]), torch.tensor([50.0]))
    assert sampler.default_priority == (50.0 if within else 100.0)
    assert weights_of(sampler).tolist() == [1, 1, 0, 0, 0]


@pytest.mark.parametrize("within", [True, False])
@pytest.mark.parametrize("alpha", [1.0, 0.6])
def test_2205_the_greatest_priority_follows_the_buffer_as_it_wraps(within: bool, alpha: float) -> None:
    buffer = buffer_of(11, alpha, max_priority_within_buffer=within)
    for item in torch.arange(20):
        buffer.update_priority(buffer.add(item), 21 - item)
        greatest, slot = buffer.sampler._max_priority
        if item <= 10 or not within:
            assert (greatest, slot) == (21, 0)
        else:  # the oldest that is still there
            assert (greatest, slot) == (31 - item, item - 10)
            weights = weights_of(buffer)
            assert weights.max() == pytest.approx((31 - float(item)) ** alpha, rel=1e-5)
            assert weights.argmax() == slot
    buffer.update_priority(buffer.extend(torch.arange(10)), 12)
    assert buffer.sampler.default_priority == (12 if within else 21)


def test_alpha_may_be_set_but_not_below_zero() -> None:
    sampler = PrioritizedSampler(5, alpha=0.7, beta=0.9, max_priority_within_buffer=True)
    sampler.update_priority(torch.tensor([0]), torch.tensor([100.0]))
    with pytest.raises(ValueError, match="alpha must be greater or equal"):
        sampler.alpha = -1.0
    assert sampler.alpha == 0.7
    for arguments, name in (({"alpha": -1.0, "beta": 1.0}, "alpha"), ({"alpha": 1.0, "beta": -1.0}, "beta")):
        with pytest.raises(ValueError, match=f"{name} must be greater or equal"):
            PrioritizedSampler(5, **arguments)
    with pytest.raises(TypeError, match="no without-replacement variant"):
        PrioritizedSampler(5, alpha=1.0, beta=1.0, replacement=False)


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("new", [0.5, 0.0, 2.0])
def test_a_new_alpha_gives_the_weights_that_it_would_have_given_from_the_start(within: bool, new: float) -> None:
    buffer = buffer_of(10, 1.0, max_priority_within_buffer=within)
    buffer.update_priority(buffer.extend(torch.arange(6)), torch.arange(1.0, 7.0))
    fresh = buffer_of(10, new, max_priority_within_buffer=within)
    fresh.update_priority(fresh.extend(torch.arange(6)), torch.arange(1.0, 7.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        buffer.sampler.alpha = new
    assert torch.equal(weights_of(buffer), weights_of(fresh))
    assert (weights_of(buffer)[6:] == 0).all()
    assert buffer.sampler._max_priority[0] == 6.0
    buffer.sample(5)
    buffer.update_priority(torch.tensor([5]), torch.tensor([2.0]))
    assert buffer.sampler.default_priority == (5.0 if within else 6.0)


def test_alpha_comes_back_from_zero_without_loss_where_trees_forget() -> None:
    sampler = PrioritizedSampler(10, alpha=0.0, beta=1.0)
    sampler.update_priority(torch.tensor([0, 1]), torch.tensor([3.0, 4.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sampler.alpha = 0.5
    assert weights_of(sampler)[:3].tolist() == pytest.approx([3**0.5, 2, 0])


@pytest.mark.parametrize("alpha", [0.6, torch.tensor(1.0)])
@pytest.mark.parametrize("beta", [0.7, torch.tensor(0.1)])
@pytest.mark.parametrize("least_alpha", [0, 0.2])
def test_schedulers_change_alpha_and_beta(alpha: Any, beta: Any, least_alpha: float) -> None:
    buffer = data.TensorDictReplayBuffer(
        storage=data.ListStorage(100), sampler=PrioritizedSampler(100, alpha=alpha, beta=beta)
    )
    buffer.extend(TensorDict({"data": torch.randn(100, 5)}, batch_size=100))
    scheduler = schedulers.SchedulerList(
        schedulers=(
            schedulers.LinearScheduler(buffer, param_name="alpha", final_value=least_alpha, num_steps=20),
            schedulers.StepScheduler(buffer, "beta", gamma=0.1, n_steps=7, max_value=1.0, mode="additive"),
        )
    )
    for step in range(40):
        expected = float(alpha) + (least_alpha - float(alpha)) * min(step / 20, 1)
        assert float(buffer.sampler.alpha) == pytest.approx(expected, abs=1e-6)
        assert float(buffer.sampler.beta) == pytest.approx(min(float(beta) + 0.1 * (step // 7), 1), abs=1e-6)
        buffer.sample(20)
        scheduler.step()


# State.


@pytest.mark.skipif(not HAS_TREES, reason="torchrl's compiled trees were built for another torch")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weights_and_priorities_equal_those_of_torchrls_own_sampler(dtype: torch.dtype) -> None:
    ours = PrioritizedSampler(50, alpha=0.6, beta=0.4, dtype=dtype)
    theirs = data.PrioritizedSampler(50, alpha=0.6, beta=0.4, dtype=dtype)
    storage = data.LazyTensorStorage(50)
    storage.set(torch.arange(50), torch.arange(50))
    generator = torch.Generator().manual_seed(0)
    for step in range(100):
        index = torch.randperm(50, generator=generator)[:8] if step else torch.arange(50)
        priority = torch.rand(len(index), generator=generator) * 3
        theirs.update_priority(index, priority.to(dtype))  # it takes no other
        ours.update_priority(index, priority)
    assert torch.allclose(weights_of(ours), torch.as_tensor(theirs._sum_tree[torch.arange(50)]), rtol=1e-6, atol=0)
    assert ours.default_priority == pytest.approx(float(theirs.default_priority))
    np.random.seed(1)  # its float64 takes no torch.Generator
    index, info = theirs.sample(storage, 64)
    assert torch.allclose(ours.priorities.importance_weights(index, 0.4, "table"), info["priority_weight"], rtol=1e-5)


# Known faults.


def test_an_item_of_priority_zero_is_never_returned() -> None:
    """A tree of floats lands on it at a boundary; torchrl then takes the left neighbour, too often."""
    sampler = PrioritizedSampler(64, alpha=1.0, beta=1.0, eps=0.0, seed=0)
    storage = data.LazyTensorStorage(64)
    storage.set(torch.arange(64), torch.arange(64))
    priorities = torch.zeros(64)
    priorities[1::2] = 1.0
    sampler.update_priority(torch.arange(64), priorities)
    index, info = sampler.sample(storage, 64_000)
    counts = torch.bincount(index, minlength=64).double().numpy()
    assert (counts[::2] == 0).all()
    assert p_value(counts[1::2], np.full(32, 1 / 32)) > ALPHA
    assert (info["priority_weight"] == 1).all()


def test_sums_do_not_drift_in_a_hundred_thousand_updates_of_very_different_size() -> None:
    sampler = PrioritizedSampler(256, alpha=1.0, beta=1.0, eps=0.0, seed=0)
    rng = np.random.default_rng(0)
    sampler.update_priority(torch.arange(256), torch.ones(256))
    for _ in range(1000):
        index = torch.from_numpy(rng.integers(0, 256, 100))
        sampler.update_priority(index, torch.from_numpy(10.0 ** rng.uniform(-12, 12, 100)))
    sampler.update_priority(torch.arange(256), torch.zeros(256))
    assert sampler.priorities.table.total == 0
    sampler.update_priority(torch.tensor([3]), torch.tensor([1e-30]))
    storage = data.LazyTensorStorage(256)
    storage.set(torch.arange(256), torch.arange(256))
    assert (sampler.sample(storage, 1000)[0] == 3).all()


@pytest.mark.parametrize("chunk", [1, 7, 32, 45])
def test_the_total_is_right_whenever_the_capacity_wraps(chunk: int) -> None:
    buffer = buffer_of(32, 0.5, seed=0)
    given = itertools.count(1)
    oracle = np.zeros(32)
    for start in range(0, 300, chunk):
        kept = min(chunk, 32)
        index = buffer.extend(torch.arange(start, start + chunk))
        values = np.array(list(itertools.islice(given, chunk)), dtype=np.float64)
        buffer.update_priority(index, torch.from_numpy(values))
        oracle[np.arange(start + chunk - kept, start + chunk) % 32] = (values[-kept:] + 1e-8) ** 0.5
        if chunk <= 32:
            assert weights_of(buffer).tolist() == pytest.approx(oracle.tolist(), rel=1e-6)
        assert buffer.sampler.priorities.table.total == pytest.approx(
            float(weights_of(buffer).double().sum()), rel=1e-9
        )
        items, info = buffer.sample(64, return_info=True)
        assert (items >= start + chunk - 32).all()
        assert torch.equal(items, buffer._storage[info["index"]])


def test_indices_follow_priorities_exactly() -> None:
    """And with a law that is off by a fifth for one item, the check fails."""
    sampler = PrioritizedSampler(40, alpha=0.6, beta=0.4, seed=5)
    storage = data.LazyTensorStorage(40)
    storage.set(torch.arange(40), torch.arange(40))
    priorities = torch.arange(1.0, 41.0)
    sampler.update_priority(torch.arange(40), priorities)
    index, info = sampler.sample(storage, 200_000)
    counts = torch.bincount(index, minlength=40).double().numpy()
    law = (priorities.double().numpy() + 1e-8) ** 0.6
    assert p_value(counts, law / law.sum()) > ALPHA
    law[20] *= 1.2
    assert p_value(counts, law / law.sum()) < ALPHA
    assert torch.allclose(info["priority_weight"], (index + 1.0) ** (-0.6 * 0.4), rtol=1e-5)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_bad_priorities_are_refused_and_nothing_is_changed(bad: float) -> None:
    buffer = trained(seed=0)
    before = buffer.sampler.state_dict()
    with pytest.raises(ValueError, match=r"priorities\[1\] is"):
        buffer.update_priority(torch.tensor([1, 2, 3]), torch.tensor([1.0, bad, 2.0]))
    with pytest.raises(ValueError, match="20"):
        buffer.update_priority(torch.tensor([1, 20]), torch.tensor([1.0, 2.0]))
    with pytest.raises(RuntimeError, match="same length"):
        buffer.update_priority(torch.tensor([1, 2, 3]), torch.tensor([1.0, 2.0]))
    after = buffer.sampler.state_dict()
    assert torch.equal(before["priorities"]["priorities"], after["priorities"]["priorities"])
    assert before["priorities"]["table"]["fingerprint"] == after["priorities"]["table"]["fingerprint"]
    assert before["priorities"]["greatest"] == after["priorities"]["greatest"]


def test_batches_repeat_with_torchs_seed_the_buffers_generator_or_a_seed_of_their_own() -> None:
    """torchrl draws from NumPy's global generator: torch.manual_seed does not repeat its batches."""
    buffer = trained()
    torch.manual_seed(3)
    first = buffer.sample(50)
    np.random.seed(0)
    torch.manual_seed(3)
    assert torch.equal(buffer.sample(50), first)
    assert not torch.equal(buffer.sample(50), first)

    buffer.set_rng(torch.Generator().manual_seed(4))
    first = buffer.sample(50)
    torch.manual_seed(99)
    buffer.set_rng(torch.Generator().manual_seed(4))
    assert torch.equal(buffer.sample(50), first)

    seeded = trained(seed=1)
    torch.manual_seed(5)
    assert torch.equal(seeded.sample(50), trained(seed=1).sample(50))


def test_stratified_batches_have_every_item_as_often_as_its_share_rounded() -> None:
    sampler = PrioritizedSampler(8, alpha=1.0, beta=1.0, eps=0.0, seed=0, stratified=True)
    storage = data.LazyTensorStorage(8)
    storage.set(torch.arange(8), torch.arange(8))
    sampler.update_priority(torch.arange(8), torch.tensor([1.0, 1, 1, 1, 1, 1, 1, 25]))
    for _ in range(20):
        counts = torch.bincount(sampler.sample(storage, 32)[0], minlength=8)
        assert counts.tolist() == [1, 1, 1, 1, 1, 1, 1, 25]


def test_an_empty_storage_no_priority_and_a_storage_that_lacks_items_are_errors() -> None:
    buffer = buffer_of(10, 1.0, eps=0.0)
    with pytest.raises(RuntimeError, match="empty storage"):
        buffer.sample(2)
    buffer.extend(torch.arange(4))
    buffer.update_priority(torch.arange(4), 0.0)
    with pytest.raises(RuntimeError, match="no slot has a positive priority"):
        buffer.sample(2)
    buffer.update_priority(torch.arange(4), 1.0)
    buffer.sampler.update_priority(torch.tensor([7]), torch.tensor([1e9]))
    with pytest.raises(RuntimeError, match="item 7 has a priority, but the storage holds 4"):
        buffer.sample(2)
    buffer.empty()
    assert weights_of(buffer).sum() == 0
    assert buffer.sampler.default_priority == 1
    buffer.extend(torch.arange(2))
    assert set(buffer.sample(20).tolist()) == {0, 1}


def test_other_devices_and_dtypes_are_refused() -> None:
    with pytest.raises(NotImplementedError, match="float16"):
        PrioritizedSampler(5, 1.0, 1.0, dtype=torch.float16)
    with pytest.raises(ValueError, match="device=cuda"):
        PrioritizedSampler(5, 1.0, 1.0, device="cuda")
    assert PrioritizedSampler(5, 1.0, 1.0, device="cpu").device == torch.device("cpu")


def test_torchrl_takes_it_for_its_own_class_and_refuses_to_share_it_between_processes() -> None:
    sampler = PrioritizedSampler(5, 1.0, 1.0)
    assert isinstance(sampler, data.PrioritizedSampler)
    assert repr(sampler) == "PrioritizedSampler(alpha=1.0, beta=1.0, eps=1e-08, reduction=max)"
    process = multiprocessing.get_context("spawn").Process(target=print, args=(sampler,))
    with pytest.raises(RuntimeError, match="cannot be shared between processes"):
        process.start()
