"""torchdata.nodes in a mixture's order: in MultiNodeWeightedSampler's place, with a state for any number of ranks."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from optional import require

from pysampler import DistributedWeightedSampler, Mixture, ShuffleSampler, WeightedRandomSampler

nodes = require("torchdata.nodes")
from pysampler.integrations.nodes import MultiNodeMixture  # noqa: E402  # needs torchdata

SIZES = {"web": 11, "code": 7, "books": 23}
SHARES = {"web": 0.5, "code": 0.2, "books": 0.3}
FOREVER = nodes.StopCriteria.CYCLE_FOREVER


def lists() -> dict[str, Any]:
    return {name: nodes.IterableWrapper([f"{name}{i}" for i in range(size)]) for name, size in SIZES.items()}


def shuffles() -> dict[str, Any]:
    """Nodes with keyed passes: cheap, the same on every rank."""
    return {
        name: nodes.SamplerWrapper(ShuffleSampler(size, seed=number))
        for number, (name, size) in enumerate(SIZES.items())
    }


def mixed(children: dict[str, Any], rank: int = 0, world: int = 1, **more: Any) -> Any:
    options: dict[str, Any] = {"stop_criteria": FOREVER, "seed": 5, "window": 10, **more}
    return MultiNodeMixture(children, SHARES, rank=rank, world_size=world, **options)


def order(count: int, seed: int = 5, window: int = 10) -> list[str]:
    names = tuple(SIZES)
    mixture = Mixture([1, 1, 1], SHARES, window=window, names=names)
    return [names[number] for number in mixture.order(count, seed=seed)]


def taken(node: Any, count: int) -> list[Any]:
    return list(itertools.islice(node, count))


def test_the_order_is_the_mixtures_and_each_node_is_read_on_its_own() -> None:
    own = {name: itertools.cycle([f"{name}{i}" for i in range(size)]) for name, size in SIZES.items()}
    assert taken(mixed(lists()), 150) == [next(own[name]) for name in order(150)]


@pytest.mark.parametrize("make", [lists, shuffles])
@pytest.mark.parametrize("shared", [False, True])
def test_resume_at_any_place_yields_the_same_tail(make: Any, shared: bool) -> None:
    whole = taken(mixed(make(), shared=shared), 160)
    for stop in range(0, 90, 3):
        first = nodes.Loader(mixed(make(), shared=shared))
        assert taken(first, stop) == whole[:stop]
        again = nodes.Loader(mixed(make(), shared=shared))
        again.load_state_dict(json.loads(json.dumps(first.state_dict())))
        assert taken(again, 60) == whole[stop : stop + 60]


@pytest.mark.parametrize("worlds", [(1, 3), (3, 1), (2, 5)])
def test_shared_nodes_go_on_with_any_number_of_ranks(worlds: tuple[int, int]) -> None:
    whole = taken(mixed(shuffles()), 300)
    before, after = worlds
    states = []
    for rank in range(before):
        loader = nodes.Loader(mixed(shuffles(), rank, before, shared=True))
        assert taken(loader, 20) == whole[rank : 20 * before : before]
        states.append(loader.state_dict())
    begun = 20 * before
    for state in states:
        for rank in range(after):
            loader = nodes.Loader(mixed(shuffles(), rank, after, shared=True))
            loader.load_state_dict(state)
            assert taken(loader, 25) == whole[begun + rank : begun + 25 * after : after]


def test_trap_torchdatas_sampler_repeats_and_loses_items_on_another_number_of_ranks() -> None:
    """Loading rank 0's state on two ranks is all that its users can do: both then go on with the same draws."""

    def theirs(rank: int, world: int) -> Any:
        return nodes.MultiNodeWeightedSampler(shuffles(), SHARES, FOREVER, rank, world, 5)

    first = nodes.Loader(theirs(0, 1))
    taken(first, 20)
    tails = []
    for rank in range(2):
        again = nodes.Loader(theirs(rank, 2))
        again.load_state_dict(first.state_dict())
        tails.append(taken(again, 30))
    assert tails[0] == tails[1]


def test_ranks_keep_the_shares_together_where_torchdatas_only_meet_them_on_average() -> None:
    def worst(kind: Any) -> float:
        off = 0.0
        ranks = [taken(kind(rank), 100) for rank in range(4)]
        stream = [item.rstrip("0123456789") for step in zip(*ranks, strict=True) for item in step]
        for begin in range(0, 400, 20):
            for name, share in SHARES.items():
                off = max(off, abs(stream[begin : begin + 20].count(name) - 20 * share))
        return off

    assert worst(lambda rank: mixed(lists(), rank, 4, window=20)) < 1
    theirs = nodes.MultiNodeWeightedSampler
    assert worst(lambda rank: theirs(lists(), SHARES, FOREVER, rank, 4, 5)) > 2


def test_a_state_of_another_rank_is_refused_where_each_reads_its_own() -> None:
    first = mixed(lists(), 0, 2)
    taken(first, 10)
    with pytest.raises(ValueError, match=r"shard 0 of 2, but this is 0 of 1.*shared=True"):
        mixed(lists()).reset(first.state_dict())


@pytest.mark.parametrize(
    "criterion", ["CYCLE_UNTIL_ALL_DATASETS_EXHAUSTED", "ALL_DATASETS_EXHAUSTED", "FIRST_DATASET_EXHAUSTED"]
)
@pytest.mark.parametrize("batched", [False, True])
def test_stop_criteria_are_torchdatas(criterion: str, batched: bool) -> None:
    def loader() -> Any:
        node = mixed(lists(), stop_criteria=criterion)
        return nodes.Loader(nodes.Prefetcher(nodes.Batcher(node, 2, drop_last=False), 3) if batched else node)

    def flat(items: Any) -> list[str]:
        return [item for batch in items for item in batch] if batched else list(items)

    running = loader()
    epochs = [flat(running) for _ in range(3)]
    assert len({tuple(epoch) for epoch in epochs}) == 3
    for number, epoch in enumerate(epochs):
        counts = {name: sum(item.startswith(name) for item in epoch) for name in SIZES}
        if criterion == "ALL_DATASETS_EXHAUSTED":
            assert counts == SIZES
        else:
            assert [item.rstrip("0123456789") for item in epoch] == order(len(epoch), seed=5 + number)
            ends = [counts[name] >= size for name, size in SIZES.items()]
            exact = [counts[name] == size for name, size in SIZES.items()]
            assert any(exact)
            assert all(ends) or criterion == "FIRST_DATASET_EXHAUSTED"
    first = loader()
    flat(first)
    head = flat(itertools.islice(first, 4))
    again = loader()
    again.load_state_dict(first.state_dict())
    assert head + flat(again) == epochs[1]
    assert flat(again) == epochs[2]


def test_a_mixture_with_stages_is_taken_as_it_is() -> None:
    mixture = Mixture([1, 1, 1], [(0, [1, 1, 0]), (40, [0, 1, 3])], window=8, names=tuple(SIZES))
    node = MultiNodeMixture(lists(), mixture, FOREVER, seed=2)
    drawn = [item.rstrip("0123456789") for item in taken(node, 120)]
    assert drawn == [mixture.names[number] for number in mixture.order(120, seed=2)]
    assert "books" not in drawn[:40]
    assert "web" not in drawn[40:]


def test_a_mixture_of_map_style_data_is_elastic_as_any_sampler_is() -> None:
    """No adapter needed: indices of a Mixture, then a mapper that loads."""
    mixture = Mixture(list(SIZES.values()), SHARES, window=12, names=tuple(SIZES))
    whole = mixture.draw(60, seed=0).tolist()

    def loader(rank: int, world: int) -> Any:
        sampler = DistributedWeightedSampler(mixture, 60, world, rank, seed=0)
        return nodes.Loader(nodes.Mapper(nodes.SamplerWrapper(sampler), mixture.locate))

    first = loader(1, 2)
    assert taken(first, 9) == [mixture.locate(index) for index in whole[1:18:2]]
    for rank in range(3):
        again = loader(rank, 3)
        again.load_state_dict(first.state_dict())
        assert list(again) == [mixture.locate(index) for index in whole[18 + rank :: 3]]


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match=r"must be one of .*, but got 'NEVER'"):
        mixed(lists(), stop_criteria="NEVER")
    with pytest.raises(ValueError, match="'books' is missing"):
        MultiNodeMixture(lists(), {"web": 1.0, "code": 1.0})
    with pytest.raises(ValueError, match=r"source web is -1"):
        MultiNodeMixture(lists(), {**SHARES, "web": -1.0})
    with pytest.raises(ValueError, match="in one only"):
        MultiNodeMixture(lists(), Mixture([1, 1, 1], names=("web", "code", "music")))
    sampler = WeightedRandomSampler(Mixture([5, 5]), 10, seed=0)
    with pytest.raises(ValueError, match="no state of interleaved"):
        mixed(lists()).reset(dict(sampler.state_dict()))
