"""Fuzzed lives of samplers: passes, epochs, states and copies, beside what the source draws at each position."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
from typing import Any

import numpy as np
import torch
from fuzz_chance import Chance, Refused, attempt, judged, must
from fuzz_inputs import Given, hostile, labels, number, plain_weights, seed, weights
from torch.utils.data import ConcatDataset, Subset, TensorDataset

import pysampler
from pysampler import (
    AliasTable,
    ClassTable,
    DistributedMPerClassSampler,
    DistributedShuffleSampler,
    DistributedUnderSampler,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    DynamicTable,
    ImbalancedDatasetSampler,
    Mixture,
    MPerClassSampler,
    ShuffleSampler,
    UnderSampler,
    WeightedBatchSampler,
    WeightedRandomSampler,
)

_LABELS = [0, 0, 0, 1, 1, 2, 2, 2, 2, 2]


class Model:
    """Where a seeded sampler stands: what DESIGN says of passes, written down once more."""

    def __init__(self, source: Any, key: int, draws: int, rank: int, world: int, drop_last: bool) -> None:
        self.source, self.key, self.draws = source, key, draws
        self.rank, self.world, self.drop_last = rank, world, drop_last
        self.next_epoch, self.next_position, self.pinned = 0, 0, False

    def begin(self) -> list[int]:
        """What the next pass hands out to this rank, padding left out; None where padding comes."""
        epoch, position = self.next_epoch, self.next_position
        left = self.draws - position
        if position and not self.pinned and self._count(left) == 0:
            epoch, position, left = epoch + 1, 0, self.draws
        self.epoch, self.position = epoch, position
        self.next_epoch, self.next_position, self.pinned = epoch + 1, 0, False
        count = self._count(left)
        inside = max(0, -(-(left - self.rank) // self.world))
        real = min(count, inside)
        start = position + self.rank
        more: dict[str, Any] = {"draws": self.draws} if hasattr(self.source, "in_batches") else {}
        if isinstance(self.source, Mixture):  # one stream, of which epochs are pieces
            epoch, start = 0, epoch * self.draws + start
        drawn = self.source.draw(real, seed=self.key, epoch=epoch, start=start, step=self.world, **more)
        self.padding = count - real
        return list(drawn.tolist())

    def _count(self, left: int) -> int:
        return left // self.world if self.drop_last else -(-left // self.world)


def _source(chance: Chance) -> tuple[Any, Any]:
    """Something to draw from, and whether it may be drawn without replacement."""
    values = np.append(plain_weights(chance, chance.randint(0, 12)), 1.0)
    kind = chance.randrange(6)
    if kind == 0:
        return values, AliasTable(values)
    if kind == 1:
        table: Any = AliasTable(values)
    elif kind == 2:
        table = ClassTable(_LABELS, [1.0, 2.0, 0.5])
    elif kind == 3:
        table = Mixture([5, 3, 9], [1, 2, 0.01], window=8)
    elif kind == 4:
        table = pysampler.Shuffle(chance.randint(1, 30))
    else:
        table = DynamicTable(values)
    return table, table


def _sampler(chance: Chance) -> tuple[Any, Model]:
    given, table = _source(chance)
    draws, key = chance.randint(1, 25), chance.randrange(9)
    if chance.maybe(0.1) and isinstance(table, AliasTable):
        systematic = pysampler.SystematicTable(table)
        return WeightedRandomSampler(given, draws, seed=key, method="systematic"), Model(
            systematic, key, draws, 0, 1, False
        )
    if chance.maybe(0.5):
        return WeightedRandomSampler(given, draws, seed=key), Model(table, key, draws, 0, 1, False)
    world = chance.randint(1, 4)
    rank, drop_last = chance.randrange(world), chance.maybe(0.4)
    sampler = DistributedWeightedSampler(given, draws, world, rank, seed=key, drop_last=drop_last)
    return sampler, Model(table, key, draws, rank, world, drop_last)


def passes(chance: Chance) -> None:
    """A seeded sampler's life."""
    sampler, model = _sampler(chance)
    for _ in range(chance.randint(1, 6)):
        kind = chance.randrange(7)
        if kind < 3:
            _pass(chance, sampler, model)
        elif kind == 3:
            at = number(chance, 0, 2**48 - 1, (0, 6), wild=0.1)
            judged(at.valid, sampler.set_epoch, at.value)
            if (at.meaning, True) != (model.next_epoch, model.next_position > 0):
                model.next_position = 0
            model.next_epoch, model.pinned = at.meaning, True
        elif kind == 4:
            where = (chance.randrange(5), chance.randint(0, model.draws))
            base = _plain_state(sampler)
            state = {**base, "epoch": where[0], "stream_epoch": where[0], "position": where[1], "key": sampler.seed}
            sampler.load_state_dict(json.loads(json.dumps(state)))
            keeps = model.pinned and model.next_epoch == where[0]
            model.next_epoch, model.next_position, model.pinned = *where, keeps
        elif kind == 5:
            sampler = chance.one([copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])(sampler)
        else:
            iter(sampler)  # without effect
            must(len(sampler) == (model._count(model.draws)), "len", len(sampler))
            repr(sampler)


def _plain_state(sampler: Any) -> dict[str, Any]:
    return {**sampler.state_dict(), "pinned": False}


def _pass(chance: Chance, sampler: Any, model: Model) -> None:
    expected = model.begin()
    size = chance.one([None, None, 1, 2, 5])
    running = iter(sampler) if size is None else iter(WeightedBatchSampler(sampler, size))
    stop = len(expected) + model.padding if chance.maybe(0.6) else chance.randint(0, len(expected))
    if size is None:
        drawn = list(itertools.islice(running, stop)) if stop or expected else []
    else:
        drawn = [index for batch in itertools.islice(running, -(-stop // size)) for index in batch]
    if stop == 0 and not drawn:  # nothing has begun
        model.next_epoch, model.next_position = model.epoch, model.position
        raise Refused(ValueError("a pass that has not begun"))
    real = drawn[: len(expected)]
    must(real == expected[: len(drawn)], "a pass draws something else", real, expected)
    must(len(drawn) <= len(expected) + model.padding, "too many draws", drawn)
    must(all(0 <= index < len(model.source) for index in drawn), "padding out of range", drawn)
    state: Any = running.state_dict() if chance.maybe(0.5) else sampler.state_dict()
    reached = min(model.position + len(drawn) * model.world, model.draws)
    if len(drawn) >= len(expected) + model.padding:
        reached = model.draws
    must((state["epoch"], state["position"]) == (model.epoch, reached), "the state says", state, model.epoch, reached)


def constructors(chance: Chance) -> None:
    """Samplers made of anything."""
    given = weights(chance, chance.randint(1, 12))
    draws = number(chance, 1, 2**63 - 1, (1, 20), wild=0.08)
    key = seed(chance)
    kind = chance.randrange(9)
    valid = False if False in (given.valid, draws.valid if draws.value is not None else None, key.valid) else None
    if key.value is None:
        valid = None
    if kind < 2:
        made = judged(valid, WeightedRandomSampler, given.value, draws.value, chance.one([True, True, False, 1, None]),
                      seed=key.value, method=chance.one([None, None, "iid", "systematic", "x", 3]))  # fmt: skip
    elif kind < 4:
        world, rank = number(chance, 1, 2**40, (1, 5)), number(chance, 0, 2**40, (0, 5))
        if world.valid and rank.valid and rank.meaning >= world.meaning and None not in (world.value, rank.value):
            valid = False
        both = DistributedWeightedBatchSampler if kind == 3 else DistributedWeightedSampler
        more: dict[str, Any] = {"batch_size": number(chance, 1, 2**63 - 1, (1, 6)).value} if kind == 3 else {}
        made = judged(
            valid, both, given.value, draws.value, world.value, rank.value,
            seed=key.value, drop_last=chance.one([True, False, False, 1, None]), **more,
        )  # fmt: skip
    elif kind < 6:
        read, length = labels(chance), number(chance, 1, 2**50, (1, 50)).value
        m = number(chance, 1, 2**32 - 1, (1, 3)).value
        makers: list[Any] = [
            lambda: UnderSampler(read.value, m, seed=key.value),
            lambda: MPerClassSampler(read.value, m, None, length, seed=key.value),
            lambda: DistributedUnderSampler(read.value, m, 3, 1, seed=key.value),
            lambda: DistributedMPerClassSampler(read.value, m, None, length, 2, 1, seed=key.value),
        ]
        made = attempt(chance.one(makers))
    elif kind == 6:
        items = number(chance, 1, 2**62, (1, 30))
        both_shuffles: list[Any] = [
            lambda: ShuffleSampler(items.value, draws.value, seed=key.value),
            lambda: DistributedShuffleSampler(items.value, draws.value, 3, 2, seed=key.value),
        ]
        made = attempt(chance.one(both_shuffles))
    else:
        made = attempt(_balanced, chance, draws, key)
    unknown: Any = (RuntimeError,) if kind in (2, 3) and rank.value is None else ()  # which of several ranks it is
    attempt(len, made, also=unknown)
    taken = list(itertools.islice(_iterated(made), 20))
    flat = [index for each in taken for index in (each if isinstance(each, list) else [each])]
    must(all(0 <= index < made.num_items for index in flat), "an index out of range", flat)


def _iterated(sampler: Any) -> Any:
    running = iter(sampler)
    while True:
        try:
            drawn = attempt(next, running)
        except StopIteration:
            return
        yield drawn


def _balanced(chance: Chance, draws: Given, key: Given) -> Any:
    items = chance.randint(1, 12)
    targets = torch.randint(0, 3, (items,), generator=torch.Generator().manual_seed(chance.randrange(99)))
    dataset: Any = TensorDataset(torch.zeros(items, 2), targets)
    if chance.maybe(0.3):
        dataset = Subset(dataset, chance.one([[0, 0], [0], [-1], [items], np.array([True]), [], [[0]]]))  # type: ignore[list-item]
    if chance.maybe(0.2):
        dataset = ConcatDataset([dataset, dataset])
    chosen = chance.one([None, None, [0, 0], [], [-1], torch.tensor([0]), [1.5], "x", [items]])
    return ImbalancedDatasetSampler(
        dataset,
        chance.one([None, None, None, hostile(chance, np.zeros(items)), [0] * items]),
        chosen,
        chance.one([None, draws.value]),
        seed=key.value,
    )


_STATE_VALUES: list[Any] = [
    None, -1, 0, 1, 2, 3, 2**48, 2**64, 10**400, True, False, "x", "", 1.5, float("nan"), [], {}, b"x",
    torch.tensor(1), torch.ones(2, requires_grad=True), np.int64(1), np.zeros(3), "iid", "weighted", "A" * 40,
    {"stages": [[1, [2, 3]]]}, {"stages": "x"}, {"stages": [[10**400, [1]]]}, object(),
]  # fmt: skip


def states(chance: Chance) -> None:
    """States with something changed: refused, or gone on from without any other error."""
    sampler, _ = _sampler(chance)
    if chance.maybe(0.3):
        sampler = WeightedRandomSampler([1.0, 2.0, 3.0], 7, generator=torch.Generator().manual_seed(1))
    list(itertools.islice(sampler, chance.randint(0, 5)))
    state = sampler.state_dict()
    for _ in range(chance.randint(1, 2)):
        name = chance.one([*state, "generator", "source", "new"]) if state else "new"
        if chance.maybe(0.2):
            state.pop(name, None)
        else:
            state[name] = chance.one(_STATE_VALUES)
    given = chance.one([state, state, state, state, list(state.items()), None, "x", 3])
    where = chance.one([sampler, iter(copy.deepcopy(sampler)), WeightedBatchSampler(sampler, 2)])
    attempt(where.load_state_dict, given)
    taken = list(itertools.islice(_iterated(sampler), 30))
    must(all(0 <= index < sampler.num_items for index in taken), "an index out of range", taken)
    json.dumps(sampler.state_dict())


def counted(chance: Chance) -> None:
    """state_dict(consumed=) and state_dict(since_begun=)."""
    sampler, model = _sampler(chance)
    begun = chance.maybe(0.7)
    if begun:
        next(iter(sampler), None)
    count = number(chance, 0, -(-model.draws // model.world), wild=0.2)
    name = chance.one(["consumed", "since_begun"])
    state = judged(count.valid if count.value is not None else None, sampler.state_dict, **{name: count.value})
    if count.meaning is not None:
        must(state["position"] in (min(count.meaning * model.world, model.draws), model.draws), "position", state)


def python_source(chance: Chance) -> None:
    """A source whose draws are anything."""
    answers: list[Any] = [
        lambda start, step, count: np.arange(start, start + step * count, step) % 7,
        lambda start, step, count: [(start + i * step) % 7 for i in range(count)],
        lambda start, step, count: torch.arange(start, start + step * count, step) % 7,
        lambda start, step, count: np.zeros(count + 1, np.int64),
        lambda start, step, count: np.zeros(count),
        lambda start, step, count: None,
        lambda start, step, count: hostile(chance, np.ones(3)),
        lambda start, step, count: [2**70] * count,
        lambda start, step, count: np.zeros((count, 1), np.int64),
    ]
    answer = chance.one(answers)

    class Custom(pysampler.Source):
        num_items = 7  # type: ignore[assignment]
        fingerprint = "custom"  # type: ignore[assignment]

        def epoch(self, key: int, epoch: int, draws: int) -> Any:
            return pysampler.python_draws(answer)

    drawn = list(itertools.islice(_iterated(WeightedRandomSampler(Custom(), 20, seed=0)), 30))
    must(drawn == [i % 7 for i in range(20)], "a source in Python", drawn)


ALL = (passes, constructors, states, counted, python_source)
