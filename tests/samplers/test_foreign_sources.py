"""Sources of other people: every sampler takes them, with ranks, state, audit and refusals, the package untouched."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from foreign_sources import HUGE, HugeSource, LiveSource, ScheduledSource
from optional import require

from pysampler import (
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    Source,
    WeightedBatchSampler,
    WeightedRandomSampler,
    audit_coverage,
    positions_of,
)

SOURCES = [HugeSource, ScheduledSource, LiveSource]
every_source = pytest.mark.parametrize("source", SOURCES)


def ranks(source: Source, world: int, draws: int = 1000, **more: Any) -> list[DistributedWeightedSampler]:
    return [DistributedWeightedSampler(source, draws, world, rank, **more) for rank in range(world)]


def flat(batches: Any) -> list[int]:
    return [index for batch in batches for index in batch]


@every_source
def test_every_sampler_hands_out_the_same_stream(source: Callable[[], Source]) -> None:
    made = source()
    expected = made.draw(1000, seed=3).tolist()
    assert all(0 <= index < made.num_items for index in expected)
    assert list(WeightedRandomSampler(made, 1000, seed=3)) == expected
    assert flat(WeightedBatchSampler(WeightedRandomSampler(made, 1000, seed=3), 7)) == expected
    for world in (1, 2, 5):
        parts = [list(sampler) for sampler in ranks(made, world, seed=3)]
        assert [parts[place % world][place // world] for place in range(1000)] == expected
        batches = [
            flat(DistributedWeightedBatchSampler(made, 1000, world, rank, seed=3, batch_size=9))
            for rank in range(world)
        ]
        assert batches == parts


@every_source
def test_padding_is_the_sources_own(source: Callable[[], Source]) -> None:
    made = source()
    assert [len(list(sampler)) for sampler in ranks(made, 3)] == [334] * 3
    if isinstance(made, ScheduledSource):
        assert [list(sampler)[-1] for sampler in ranks(made, 3)] == [999 % 100, 9_999, 9_999]


@every_source
def test_a_run_on_2_ranks_goes_on_on_3(source: Callable[[], Source]) -> None:
    made = source()
    whole = list(WeightedRandomSampler(made, 1000, seed=0))
    running = ranks(made, 2)
    iterators = [iter(sampler) for sampler in running]
    head = [next(iterator) for _ in range(123) for iterator in iterators]
    states = [json.loads(json.dumps(sampler.state_dict())) for sampler in running]
    assert states[0] == states[1]
    resumed = ranks(copy.deepcopy(made), 3)
    parts = []
    for sampler in resumed:
        sampler.load_state_dict(states[0])
        parts.append(list(sampler))
    tail = [parts[place % 3][place // 3] for place in range(1000 - 246)]
    assert head + tail == whole


@every_source
def test_replacement_false_other_methods_and_strata_are_refused_by_name(source: Callable[[], Source]) -> None:
    made = source()
    name = type(made).__name__
    with pytest.raises(ValueError, match=f"{name} draws with replacement"):
        WeightedRandomSampler(made, 10, False)
    with pytest.raises(ValueError, match=f"{name} draws by method='iid'"):
        WeightedRandomSampler(made, 10, method="systematic")
    with pytest.raises(ValueError, match=f"not for {name}"):
        DistributedWeightedSampler(made, 10, 1, 0, global_batch_size=5)
    with pytest.raises(TypeError, match=f"{name} has no weights"):
        WeightedRandomSampler(made, 10).weights = [1.0]


@pytest.mark.parametrize("source", [HugeSource, ScheduledSource])
def test_pickled_samplers_go_on(source: Callable[[], Source]) -> None:
    sampler = WeightedRandomSampler(source(), 1000, seed=1)
    next(iter(sampler))
    again = pickle.loads(pickle.dumps(sampler))
    assert again.state_dict() == sampler.state_dict()
    assert list(again) == list(sampler)


def test_a_source_of_10_to_the_12_items_is_audited_by_position() -> None:
    sampler = WeightedRandomSampler(HugeSource(), 1000, seed=1)
    drawn = list(sampler)
    assert max(drawn) > HUGE // 2
    with pytest.raises((MemoryError, ValueError, RuntimeError)):  # 125 GB of marks
        positions_of(drawn[7], HugeSource(), seed=1, epochs=2**20, num_samples=2**40)


def test_a_stage_added_in_mid_pass_counts_at_once_and_is_in_the_state() -> None:
    source = ScheduledSource()
    for make in (
        lambda: iter(WeightedRandomSampler(source, 1000, seed=1)),
        lambda: (batch[0] for batch in WeightedBatchSampler(WeightedRandomSampler(source, 1000, seed=1), 1)),
    ):
        source.load_state({"stages": [[0, 100]]})
        iterator = make()
        assert [next(iterator) for _ in range(150)] == [place % 100 for place in range(150)]
        source.at(200, 7)
        assert list(iterator) == [place % (100 if place < 200 else 7) for place in range(150, 1000)]
    sampler = WeightedRandomSampler(source, 1000, seed=1)
    list(sampler)
    state = json.loads(json.dumps(sampler.state_dict()))
    assert state["source"] == {"stages": [[0, 100], [200, 7]]}
    fresh = WeightedRandomSampler(ScheduledSource(), 1000, seed=1)
    fresh.load_state_dict({**state, "position": 100})
    assert list(fresh) == [place % (100 if place < 200 else 7) for place in range(100, 1000)]
    audit = audit_coverage(WeightedRandomSampler(ScheduledSource(), 1000, seed=1), state, counts=True)
    drawn = [place % (100 if place < 200 else 7) for place in range(1000)]
    assert audit.counts[:101].tolist() == [drawn.count(item) for item in range(101)]
    with pytest.raises(ValueError, match="stages must be pairs"):
        fresh.load_state_dict({**state, "source": {"stages": 5}})
    with pytest.raises(ValueError, match="HugeSource has no state of its own"):
        HugeSource().load_state(state["source"])


def test_a_source_that_changes_counts_from_the_next_index_or_batch() -> None:
    source = LiveSource()
    iterator = iter(WeightedRandomSampler(source, seed=1))
    batches = iter(WeightedBatchSampler(WeightedRandomSampler(source, seed=1), 5))
    for value in (0, 7, 7, 13, 2):
        source.set(value)
        for _ in range(40):
            assert next(iterator) == value
            assert next(batches) == [value] * 5
    assert len([*iterator]) == 10_000 - 200
    with pytest.raises(ValueError, match="cannot be drawn again: its value changes"):
        audit_coverage(WeightedRandomSampler(source, seed=1), epochs=1)
    with pytest.raises(ValueError, match="cannot be drawn again: its value changes"):
        audit_coverage(source, seed=1, epochs=1)


@pytest.mark.parametrize("source", [HugeSource, ScheduledSource])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_stateful_dataloader_goes_on(source: Callable[[], Source], workers: int) -> None:
    stateful = require("torchdata.stateful_dataloader")

    def loader() -> Any:
        sampler = WeightedRandomSampler(source(), 100, seed=1)
        return stateful.StatefulDataLoader(Identity(), 5, sampler=sampler, num_workers=workers, collate_fn=list)

    whole = flat(loader())
    first = loader()
    iterator = iter(first)
    head = flat(next(iterator) for _ in range(6))
    second = loader()
    second.load_state_dict(first.state_dict())
    assert head + flat(second) == whole


class Identity:
    def __len__(self) -> int:
        return HUGE

    def __getitem__(self, index: int) -> int:
        return index


def test_draws_of_the_wrong_shape_or_dtype_are_errors_that_say_so() -> None:
    class Short(HugeSource):
        def epoch(self, key: int, epoch: int, draws: int) -> Any:
            return python_draws(lambda start, step, count: [0.5] * count)

    from pysampler import python_draws  # noqa: PLC0415

    with pytest.raises(ValueError, match="must be 256 integers, but are of dtype float64"):
        next(iter(WeightedRandomSampler(Short(), seed=1)))


def test_an_iterator_used_from_within_itself_is_an_error_as_of_generators() -> None:
    class Inward(WeightedRandomSampler):
        inner: Any = None

        def share(self) -> Any:
            with pytest.raises(ValueError, match="already executing"):
                next(self.inner)
            return super().share()

    sampler = Inward([1.0, 2.0], 10, seed=1)
    for make in (lambda: iter(sampler), lambda: iter(WeightedBatchSampler(sampler, 5))):
        sampler.inner = make()
        assert len(list(sampler.inner)) in (2, 10)


def test_an_iterator_that_has_not_begun_saves_the_sources_state_too() -> None:
    source = ScheduledSource()
    source.at(50, 7)
    state = json.loads(json.dumps(iter(WeightedRandomSampler(source, 100, seed=1)).state_dict()))
    fresh = iter(WeightedRandomSampler(ScheduledSource(), 100, seed=1))
    fresh.load_state_dict(state)
    assert list(fresh) == [place if place < 50 else place % 7 for place in range(100)]
