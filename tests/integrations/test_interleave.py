"""Streams in a mixture's order: the order is Mixture's, the items are the streams', and both are resumed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from optional import require
from torch.utils.data import DataLoader, IterableDataset

from pysampler import Mixture, ShuffleSampler
from pysampler.integrations.interleave import interleave

NAMES = ("web", "code", "books")
SIZES = (11, 7, 23)
SHARES = (5, 2, 3)
WINDOW = 12


def mixture(**more: Any) -> Mixture:
    return Mixture(SIZES, **{"shares": SHARES, "window": WINDOW, "names": NAMES, **more})


class Plain:
    """Begins again at every iter, and tells no state, as a WebDataset does. Remembers how much was read."""

    def __init__(self, name: str, size: int) -> None:
        self.name, self.size, self.read = name, size, 0

    def __iter__(self) -> Iterator[str]:
        for number in range(self.size):
            self.read += 1
            yield f"{self.name}{number}"


class Stateful(Plain):
    """Shuffles by epoch and tells its state, as Hugging Face's IterableDataset does."""

    def __init__(self, name: str, size: int) -> None:
        super().__init__(name, size)
        self.epoch, self.at = 0, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch, self.at = epoch, 0

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.epoch, "at": self.at}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.epoch, self.at = state["epoch"], state["at"]

    def __iter__(self) -> Iterator[str]:
        while self.at < self.size:
            self.read += 1
            self.at += 1
            yield f"{self.name}{(self.at * 3 + self.epoch) % self.size}"
        self.at = 0


def streams(kind: type[Plain] = Plain) -> dict[str, Plain]:
    return {name: kind(name, size) for name, size in zip(NAMES, SIZES, strict=True)}


def expected(count: int, kind: type[Plain] = Plain, seed: int = 3) -> list[str]:
    """By the mixture's own draws: which source each position is of; and each stream read on its own, over and over."""
    own = {name: _again(stream) for name, stream in streams(kind).items()}
    mixed = mixture()
    return [next(own[mixed.locate(index)[0]]) for index in mixed.draw(count, seed=seed).tolist()]


def _again(stream: Any) -> Iterator[str]:
    for number in itertools.count():
        if isinstance(stream, Stateful):
            stream.set_epoch(number)
        yield from stream


def taken(stream: Any, count: int) -> list[Any]:
    return list(itertools.islice(iter(stream), count))


both_kinds = pytest.mark.parametrize("kind", [Plain, Stateful])


@both_kinds
def test_the_order_is_the_mixtures_and_each_stream_is_read_on_its_own(kind: type[Plain]) -> None:
    assert taken(interleave(streams(kind), mixture(), seed=3), 150) == expected(150, kind)
    in_order = list(streams(kind).values())
    assert taken(interleave(in_order, mixture(), seed=3), 150) == expected(150, kind)
    assert expected(150, kind) != expected(150, kind, seed=4)


@both_kinds
@pytest.mark.parametrize("shared", [False, True])
def test_resume_at_any_place_yields_the_same_tail(kind: type[Plain], shared: bool) -> None:
    whole = expected(110, kind)
    for stop in range(0, 75):
        first = interleave(streams(kind), mixture(), seed=3, shared=shared)
        assert taken(first, stop) == whole[:stop]
        state = json.loads(json.dumps(first.state_dict()))
        again = interleave(streams(kind), mixture(), seed=3, shared=shared)
        again.load_state_dict(state)
        assert json.loads(json.dumps(again.state_dict()))["position"] == stop
        assert taken(again, 35) == whole[stop : stop + 35]


def test_a_stream_with_a_state_is_not_read_again_and_one_without_is() -> None:
    for kind in (Stateful, Plain):
        first = interleave(streams(kind), mixture(), seed=3)
        taken(first, 60)
        children = streams(kind)
        again = interleave(children, mixture(), seed=3)
        again.load_state_dict(first.state_dict())
        taken(again, 10)
        read = sum(stream.read for stream in children.values())
        assert read == 10 if kind is Stateful else 10 < read <= 10 + sum(SIZES)


@both_kinds
@pytest.mark.parametrize("worlds", [(1, 3), (3, 1), (2, 5), (4, 2)])
def test_shared_streams_go_on_with_any_number_of_ranks(kind: type[Plain], worlds: tuple[int, int]) -> None:
    whole = expected(400, kind)

    def rank_of(world: int, rank: int) -> Any:
        return interleave(streams(kind), mixture(), seed=3, num_replicas=world, rank=rank, shared=True)

    before, after = worlds
    steps = 17
    states = []
    for rank in range(before):
        stream = rank_of(before, rank)
        assert taken(stream, steps) == whole[rank : steps * before : before]
        states.append(json.loads(json.dumps(stream.state_dict())))
    begun = steps * before
    for state in states:  # any rank's is good for all
        assert state["position"] == begun
        for rank in range(after):
            stream = rank_of(after, rank)
            stream.load_state_dict(state)
            assert taken(stream, 20) == whole[begun + rank : begun + 20 * after : after]


def test_ranks_with_streams_of_their_own_follow_one_order() -> None:
    """Each has its own items; whose turn it is, all ranks together keep as one would."""
    world, steps = 3, 40
    sources = [item.rstrip("0123456789") for item in expected(world * steps)]
    for rank in range(world):
        stream = interleave(streams(), mixture(), seed=3, num_replicas=world, rank=rank)
        own = taken(stream, steps)
        assert [item.rstrip("0123456789") for item in own] == sources[rank::world]
        for name, size in zip(NAMES, SIZES, strict=True):
            numbers = [int(item.removeprefix(name)) for item in own if item.startswith(name)]
            assert numbers == [number % size for number in range(len(numbers))]
        other = interleave(streams(), mixture(), seed=3, num_replicas=world, rank=(rank + 1) % world)
        with pytest.raises(ValueError, match=r"shard \d of 3.*shared=True"):
            other.load_state_dict(stream.state_dict())


def test_shares_hold_in_every_window() -> None:
    drawn = taken(interleave(streams(), mixture(), seed=3), 40 * WINDOW)
    for begin in range(0, len(drawn), WINDOW):
        window = [item.rstrip("0123456789") for item in drawn[begin : begin + WINDOW]]
        for name, share in zip(NAMES, SHARES, strict=True):
            assert abs(window.count(name) - WINDOW * share / 10) < 1


def test_a_stage_set_while_it_runs_counts_from_its_window_on_and_is_resumed() -> None:
    mixed = mixture()
    stream = interleave(streams(), mixed, seed=3)
    running = iter(stream)
    head = [next(running) for _ in range(30)]
    mixed.at(3 * WINDOW, {"web": 0, "code": 1, "books": 1})
    head += [next(running) for _ in range(20)]
    with pytest.raises(ValueError, match="next_position=60"):
        mixed.at(4 * WINDOW, (1, 1, 1))
    state = stream.state_dict()
    tail = [next(running) for _ in range(60)]
    assert any(item.startswith("web") for item in head[: 3 * WINDOW])
    assert not any(item.startswith("web") for item in head[3 * WINDOW :] + tail)
    again = interleave(streams(), mixture(), seed=3)
    again.load_state_dict(state)
    assert taken(again, 60) == tail


@pytest.mark.parametrize("stop", ["first", "all", "once"])
def test_it_stops_as_it_is_told(stop: Any) -> None:
    stream = interleave(streams(), mixture(), seed=3, stop=stop)
    drawn = list(stream)
    counts = {name: sum(item.startswith(name) for item in drawn) for name in NAMES}
    sizes = dict(zip(NAMES, SIZES, strict=True))
    if stop == "once":
        assert counts == sizes
    elif stop == "all":
        assert drawn == expected(len(drawn))
        assert all(counts[name] >= sizes[name] for name in NAMES)
        assert any(counts[name] == sizes[name] for name in NAMES)
    else:
        assert drawn == expected(len(drawn))
        assert all(counts[name] <= sizes[name] for name in NAMES)
        assert any(counts[name] == sizes[name] for name in NAMES)
    second = list(stream)  # another epoch: the same items, in another order
    assert second != drawn
    assert list(stream) != second
    half = interleave(streams(), mixture(), seed=3, stop=stop)
    list(half)
    begun = taken(half, 9)
    assert begun == second[:9]
    again = interleave(streams(), mixture(), seed=3, stop=stop)
    again.load_state_dict(half.state_dict())
    assert begun + list(again) == second


def test_num_samples_cut_one_stream() -> None:
    whole = expected(120)
    stream = interleave(streams(), mixture(), seed=3, num_samples=40)
    assert [list(stream) for _ in range(3)] == [whole[:40], whole[40:80], whole[80:]]
    first = interleave(streams(), mixture(), seed=3, num_samples=40)
    assert taken(first, 25) == whole[:25]
    again = interleave(streams(), mixture(), seed=3, num_samples=40)
    again.load_state_dict(first.state_dict())
    assert [list(again), list(again)] == [whole[25:40], whole[40:80]]
    with pytest.raises(ValueError, match="multiple of ranks times workers, 3"):
        next(iter(interleave(streams(), mixture(), num_samples=40, num_replicas=3, rank=0)))


def test_samplers_are_sources_too() -> None:
    """Two epochs' worth and more: a shuffle's passes are its epochs, and no epoch comes twice."""

    def shuffles() -> list[Any]:
        return [ShuffleSampler(size, seed=number) for number, size in enumerate(SIZES)]

    whole = taken(interleave(shuffles(), mixture(), seed=3), 200)
    sampler = ShuffleSampler(SIZES[0], seed=0)
    first_source = [item for item, number in zip(whole, mixture().order(200, seed=3), strict=True) if number == 0]
    passes = []
    for epoch in range(9):
        sampler.set_epoch(epoch)
        passes += list(sampler)
    assert len(first_source) > 8 * SIZES[0]
    assert first_source == passes[: len(first_source)]
    for stop in range(0, 120):
        first = interleave(shuffles(), mixture(), seed=3)
        taken(first, stop)
        again = interleave(shuffles(), mixture(), seed=3)
        again.load_state_dict(first.state_dict())
        assert taken(again, 60) == whole[stop : stop + 60]


def test_errors_name_the_source_and_the_way_out() -> None:
    with pytest.raises(ValueError, match=r"\['music', 'web'\] are in one only"):
        interleave({"music": [1], "code": [2], "books": [3]}, mixture())
    with pytest.raises(ValueError, match="each of 3 sources, but got 2"):
        interleave([[1], [2]], mixture())
    with pytest.raises(TypeError, match="comes from a Mixture, but got list"):
        interleave([[1], [2]], [1, 2])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'first', 'all', 'once' or None, but got 'last'"):
        interleave(streams(), mixture(), stop="last")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"2 ranks would not end together.*draws_until"):
        interleave(streams(), mixture(), stop="all", num_replicas=2, rank=0)
    with pytest.raises(ValueError, match=r"source code has no items left.*give what makes the iterator"):
        taken(interleave({"web": "ab", "code": iter("ab"), "books": "ab"}, mixture()), 100)
    with pytest.raises(ValueError, match="source books has no items left"):
        taken(interleave({"web": "ab", "code": "ab", "books": ""}, mixture()), 100)
    stream = interleave(streams(), mixture(), seed=3)
    taken(stream, 50)
    state = stream.state_dict()
    with pytest.raises(ValueError, match="seed is 3 in it but 4 here"):
        interleave(streams(), mixture(), seed=4).load_state_dict(state)
    with pytest.raises(ValueError, match=r"mixture is .* in it but"):
        interleave(streams(), mixture(window=13), seed=3).load_state_dict(state)
    with pytest.raises(ValueError, match="shared is False in it but True here"):
        interleave(streams(), mixture(), seed=3, shared=True).load_state_dict(state)
    with pytest.raises(ValueError, match="no state of interleaved sources"):
        interleave(streams(), mixture(), seed=3).load_state_dict({"position": 3})
    with pytest.raises(TypeError, match="must be a dict, but got int"):
        interleave(streams(), mixture(), seed=3).load_state_dict(3)
    shorter = {**streams(), "books": Plain("books", 2)}
    again = interleave(shorter, mixture(), seed=3)
    again.load_state_dict(state)
    with pytest.raises(ValueError, match=r"books had given \d+ items of this pass.*only 2 now"):
        taken(again, 50)


# ---- loaders ------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 2])
def test_loaders_get_every_position_once(workers: int) -> None:
    stream = interleave(streams(), mixture(), seed=3, num_samples=80, shared=True)
    batches = list(DataLoader(stream, batch_size=5, num_workers=workers))
    got = [item for batch in batches for item in batch]
    if workers == 0:
        assert got == expected(80)
    else:  # worker w takes every second position; the loader asks them in turn
        whole = expected(80)
        by_worker = [whole[worker::2] for worker in range(2)]
        turns = [by_worker[number % 2][number // 2 * 5 :][:5] for number in range(16)]
        assert got == [item for batch in turns for item in batch]


@pytest.mark.parametrize("workers", [0, 2])
@both_kinds
def test_a_stateful_loader_goes_on_in_the_middle(workers: int, kind: type[Plain]) -> None:
    loader_class = require("torchdata.stateful_dataloader").StatefulDataLoader

    def loader() -> Any:
        return loader_class(interleave(streams(kind), mixture(), seed=3), batch_size=4, num_workers=workers)

    uninterrupted = iter(loader())
    whole = [next(uninterrupted) for _ in range(30)]
    for stop in (1, 6, 13):
        first = loader()
        head = taken(first, stop)
        again = loader()
        again.load_state_dict(first.state_dict())
        assert head + taken(again, 10) == whole[: stop + 10]


@pytest.mark.parametrize("workers", [0, 2])
def test_hugging_faces_streams_go_on_in_the_middle(workers: int) -> None:
    datasets = require("datasets")
    loader_class = require("torchdata.stateful_dataloader").StatefulDataLoader

    def loader() -> Any:
        children = {
            name: datasets.Dataset.from_dict({"text": [f"{name}{i}" for i in range(size)]}).to_iterable_dataset(4)
            for name, size in zip(NAMES, SIZES, strict=True)
        }
        if workers == 0:  # in workers, datasets 5.2.0 cannot load the state of a shuffled stream, alone or mixed
            children = {name: child.shuffle(seed=1, buffer_size=1) for name, child in children.items()}
        stream = interleave(children, mixture(), seed=3)
        return loader_class(stream, batch_size=4, num_workers=workers, collate_fn=_texts)

    uninterrupted = iter(loader())
    whole = [next(uninterrupted) for _ in range(24)]
    if workers == 0:
        sources = [text.rstrip("0123456789") for batch in whole for text in batch]
        assert sources == [NAMES[number] for number in mixture().order(96, seed=3)]
    for stop in (5, 12):
        first = loader()
        head = taken(first, stop)
        again = loader()
        again.load_state_dict(first.state_dict())
        assert head + taken(again, 8) == whole[: stop + 8]


def _texts(rows: list[dict[str, str]]) -> list[str]:
    return [row["text"] for row in rows]


def test_webdatasets_shards_are_mixed_and_read_again_after_a_resume(tmp_path: Any) -> None:
    # No requirement of the tests: nothing of ours imports it.
    webdataset = pytest.importorskip("webdataset")
    for name, size in zip(NAMES, SIZES, strict=True):
        with webdataset.TarWriter(str(tmp_path / f"{name}.tar")) as tar:
            for number in range(size):
                tar.write({"__key__": f"{number:03}", "txt": f"{name}{number}"})

    def stream() -> Any:
        children = {
            name: webdataset.WebDataset(str(tmp_path / f"{name}.tar"), shardshuffle=False).decode().map(_text)
            for name in NAMES
        }
        return interleave(children, mixture(), seed=3)

    first = stream()
    assert isinstance(first, IterableDataset)
    assert taken(first, 60) == expected(60)
    again = stream()
    again.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert taken(again, 60) == expected(120)[60:]


def _text(sample: dict[str, Any]) -> Any:
    return sample["txt"]
