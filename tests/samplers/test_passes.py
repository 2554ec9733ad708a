"""Passes: which epoch a loop over a sampler gets, however loops begin, end, overlap or share an iterator."""

from __future__ import annotations

import gc
import itertools
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from families import hashed_integers
from oracle import flat
from processes import in_child

from pysampler import AliasTable, WeightedBatchSampler, WeightedRandomSampler, _core

TABLE = AliasTable(hashed_integers(300))
DRAWS = 1000


@pytest.fixture
def sampler() -> WeightedRandomSampler:
    return WeightedRandomSampler(TABLE, DRAWS, seed=1)


def epoch(number: int) -> list[int]:
    """What a pass with this epoch yields."""
    drawn: list[int] = TABLE.draw(DRAWS, seed=1, epoch=number).tolist()
    return drawn


# ---- counting -----------------------------------------------------------------------------------


def test_passes_count_from_epoch_0(sampler: WeightedRandomSampler) -> None:
    assert [list(sampler) for _ in range(4)] == [epoch(e) for e in range(4)]
    assert epoch(0) != epoch(1)


def test_iter_alone_has_no_effect(sampler: WeightedRandomSampler) -> None:
    """With workers, DataLoader calls iter twice for each epoch."""
    for _ in range(5):
        iter(sampler)
    assert list(sampler) == epoch(0)


def test_a_pass_begins_at_the_first_next_not_at_iter(sampler: WeightedRandomSampler) -> None:
    late, early = iter(sampler), iter(sampler)
    assert list(early) == epoch(0)
    assert list(late) == epoch(1)


def test_a_break_does_not_replay_an_epoch(sampler: WeightedRandomSampler) -> None:
    for index in sampler:
        assert index == epoch(0)[0]
        break
    assert list(sampler) == epoch(1)


def test_a_loop_of_limited_length_does_not_replay_an_epoch(sampler: WeightedRandomSampler) -> None:
    assert [index for _, index in zip(range(10), sampler, strict=False)] == epoch(0)[:10]
    assert list(itertools.islice(sampler, 700)) == epoch(1)[:700]
    assert list(sampler) == epoch(2)


def test_a_loop_that_raises_does_not_replay_an_epoch(sampler: WeightedRandomSampler) -> None:
    def train() -> None:
        for _ in sampler:
            raise RuntimeError("training diverged")

    with pytest.raises(RuntimeError, match="training diverged"):
        train()
    assert list(sampler) == epoch(1)


def test_drop_last_does_not_replay_an_epoch(sampler: WeightedRandomSampler) -> None:
    batches = WeightedBatchSampler(sampler, 300, drop_last=True)
    for number in range(2):
        assert flat(batches) == epoch(number)[:900]


def test_interleaved_iterators_are_passes_of_their_own(sampler: WeightedRandomSampler) -> None:
    one, two = iter(sampler), iter(sampler)
    mixed = [(next(one), next(two)) for _ in range(DRAWS)]
    assert [a for a, _ in mixed] == epoch(0)
    assert [b for _, b in mixed] == epoch(1)
    assert list(one) == list(two) == []


def test_an_exhausted_iterator_stays_exhausted_and_begins_nothing(sampler: WeightedRandomSampler) -> None:
    for iterator in (iter(sampler), iter(WeightedBatchSampler(sampler, 64))):
        list(iterator)
        for _ in range(3):
            assert next(iterator, None) is None
    assert list(sampler) == epoch(2)


def test_an_iterator_is_its_own_iterator_and_counts(sampler: WeightedRandomSampler) -> None:
    iterator: Any = iter(sampler)
    assert iter(iterator) is iterator
    assert iterator.handed_out == 0
    assert [next(iterator) for _ in range(7)] == epoch(0)[:7]
    assert iterator.handed_out == 7
    batches: Any = iter(WeightedBatchSampler(sampler, 64))
    next(batches)
    assert batches.handed_out == 64


def test_an_iterator_outlives_its_sampler() -> None:
    iterator = iter(WeightedRandomSampler(AliasTable(hashed_integers(300)), DRAWS, seed=1))
    assert list(iterator) == epoch(0)


def test_iterators_release_what_they_draw_from() -> None:
    sampler = WeightedRandomSampler([1.0, 2.0], DRAWS, seed=1)
    running, exhausted, fresh = iter(sampler), iter(sampler), iter(sampler)
    next(running)
    list(exhausted)
    dead = weakref.ref(sampler)
    sampler.loop = [running, exhausted, fresh]  # type: ignore[attr-defined]
    del sampler, running, exhausted, fresh
    gc.collect()
    assert dead() is None


# ---- set_epoch ----------------------------------------------------------------------------------


def test_set_epoch_pins_the_next_pass_and_counting_goes_on_from_there(sampler: WeightedRandomSampler) -> None:
    sampler.set_epoch(5)
    assert [list(sampler) for _ in range(2)] == [epoch(5), epoch(6)]
    sampler.set_epoch(2)
    sampler.set_epoch(3)
    assert list(sampler) == epoch(3)
    sampler.set_epoch(3)
    assert [list(sampler) for _ in range(2)] == [epoch(3), epoch(4)]


def test_without_set_epoch_passes_differ_all_the_same(sampler: WeightedRandomSampler) -> None:
    """torch's DistributedSampler repeats the same order then (pytorch #31771)."""
    assert len({tuple(sampler) for _ in range(5)}) == 5


def test_set_epoch_reaches_iterators_that_have_not_begun(sampler: WeightedRandomSampler) -> None:
    iterator = iter(sampler)
    sampler.set_epoch(9)
    assert list(iterator) == epoch(9)


def test_set_epoch_does_not_reach_a_running_iterator(sampler: WeightedRandomSampler) -> None:
    iterator = iter(sampler)
    first = next(iterator)
    sampler.set_epoch(9)
    assert [first, *iterator] == epoch(0)
    assert list(sampler) == epoch(9)


def test_the_last_epoch_has_no_successor(sampler: WeightedRandomSampler) -> None:
    sampler.set_epoch(2**48 - 1)
    assert list(sampler) == epoch(2**48 - 1)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"2\^48.*set_epoch"):
            next(iter(sampler))
    sampler.set_epoch(0)
    assert list(sampler) == epoch(0)


@pytest.mark.parametrize("number", [-1, 2**48, 1.0, True, "1", None])
def test_set_epoch_of_anything_but_48_bits_is_an_error(sampler: WeightedRandomSampler, number: Any) -> None:
    for target in (sampler, WeightedBatchSampler(sampler, 3)):
        with pytest.raises((ValueError, TypeError), match=f"epoch.*{number}"):
            target.set_epoch(number)
    assert list(sampler) == epoch(0)


# ---- a pass that cannot begin -------------------------------------------------------------------


@pytest.mark.parametrize("batches", [False, True])
def test_what_begin_raises_comes_out_of_next_and_the_next_try_may_succeed(batches: bool) -> None:
    attempts: list[int] = []

    def begin() -> _core.PositionSource:
        attempts.append(1)
        if len(attempts) < 3:
            raise LookupError("not yet")
        return _core.PositionSource(TABLE.epoch(1, 0, DRAWS), 0, 1, DRAWS, DRAWS)

    iterator: Iterator[Any] = _core.BatchIterator(begin, 10, False) if batches else _core.IndexIterator(begin)
    for _ in range(2):
        with pytest.raises(LookupError, match="not yet"):
            next(iterator)
    assert len(list(iterator)) == (DRAWS // 10 if batches else DRAWS)
    assert len(attempts) == 3


@pytest.mark.parametrize("asked", ["counted", "pinned", "loaded"])
def test_a_pass_that_could_not_begin_comes_next_again(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = WeightedRandomSampler(TABLE, 100, False, generator=torch.Generator().manual_seed(1))
    begun = iter(sampler)
    head = [next(begun) for _ in range(40)]
    if asked == "pinned":
        sampler.set_epoch(7)
    if asked == "loaded":
        sampler.load_state_dict(sampler.state_dict())
    expected = sampler.upcoming
    with monkeypatch.context() as patch:
        patch.setattr(_core, "draw_without_replacement_into", interrupted)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                next(iter(sampler))
            assert sampler.upcoming == expected
    drawn = list(sampler)
    assert (sampler.state_dict()["epoch"], len(drawn)) == (expected.epoch, 100 - expected.position)
    if asked == "loaded":
        assert sorted(head + drawn) == sorted(set(head + drawn))


def interrupted(*arguments: Any) -> Any:
    raise KeyboardInterrupt


def test_a_generator_of_the_wrong_type_costs_no_epoch(sampler: WeightedRandomSampler) -> None:
    unseeded: Any = WeightedRandomSampler(TABLE, DRAWS)
    unseeded.generator = "none"
    with pytest.raises(TypeError, match=r"torch\.Generator"):
        next(iter(unseeded))
    assert unseeded.upcoming.epoch == 0


def test_begin_must_be_callable_and_return_a_source() -> None:
    broken: Any = _core.IndexIterator
    with pytest.raises(TypeError, match="callable"):
        broken(5)
    with pytest.raises((TypeError, RuntimeError)):
        next(broken(lambda: 5))


# ---- one iterator, several threads --------------------------------------------------------------


def drained_by_threads(iterator: Iterator[Any], count: int = 4) -> list[Any]:
    """Everything that several threads get from one iterator."""
    sys.setswitchinterval(1e-6)
    parts: list[list[Any]] = [[] for _ in range(count)]
    ready = threading.Barrier(count)

    def work(part: list[Any]) -> None:
        ready.wait()
        for item in iterator:
            part.append(item)

    threads = [threading.Thread(target=work, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return flat(parts)


def slow_to_begin(draws: int) -> WeightedRandomSampler:
    """A sampler whose passes let all threads arrive before they have begun."""

    class Slow(WeightedRandomSampler):
        def _open(self, run: Any) -> Any:
            time.sleep(0.2)
            return super()._open(run)

    return Slow(TABLE, draws, seed=1)


@pytest.mark.parametrize("draws", [1, 10, 256, 257, 1000, 20_000])
def test_threads_that_begin_one_iterator_together_share_it_exactly(draws: int) -> None:
    def shared() -> list[int]:
        return drained_by_threads(iter(slow_to_begin(draws)))

    assert sorted(in_child(shared)) == sorted(TABLE.draw(draws, seed=1).tolist())


@pytest.mark.parametrize("batch_size", [1, 7, 300, 5000])
def test_threads_that_begin_one_batch_iterator_together_share_it_exactly(batch_size: int) -> None:
    def shared() -> list[list[int]]:
        return drained_by_threads(iter(WeightedBatchSampler(slow_to_begin(20_000), batch_size)))

    batches = in_child(shared)
    assert sorted(flat(batches)) == sorted(TABLE.draw(20_000, seed=1).tolist())
    assert all(len(batch) <= batch_size for batch in batches)


def test_threads_share_a_long_running_iterator_without_loss_or_repetition() -> None:
    def shared() -> list[int]:
        return drained_by_threads(iter(WeightedRandomSampler(TABLE, 300_000, seed=1)))

    assert sorted(in_child(shared)) == sorted(TABLE.draw(300_000, seed=1).tolist())


def test_threads_with_iterators_of_their_own_get_different_epochs(sampler: WeightedRandomSampler) -> None:
    passes: list[list[int]] = []
    threads = [threading.Thread(target=lambda: passes.append(list(sampler))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(passes) == sorted(epoch(number) for number in range(8))
