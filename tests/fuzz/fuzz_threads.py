"""Fuzzed lives that another thread disturbs: it edits arrays in place, changes, saves and loads what is drawn from.

What must hold whenever the threads meet: nothing crashes; errors are documented ones; what is returned belongs to a state
that was legal, or says why it does not. The choices are those of the life's seed and number; how the threads meet is
not, so a life that broke the law may have to be lived some times again.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np
import oracle
import torch
from fuzz_chance import DOCUMENTED, Chance, Refused, attempt, must, same
from fuzz_inputs import plain_weights

import pysampler
from pysampler import (
    AliasTable,
    ClassTable,
    CoverageTracker,
    DistributedWeightedSampler,
    DynamicTable,
    SystematicTable,
    WeightedBatchSampler,
    WeightedRandomSampler,
)

_FOLDER = tempfile.TemporaryDirectory(prefix="pysampler-fuzz-")
_BRIEF_SECONDS = 2e-6  # after which the interpreter changes threads: between nearly any two steps


class Meanwhile:
    """Does ``deed(number)`` again and again in another thread until the block ends.

    Errors of documented types end nothing; others are raised when the block ends.
    """

    def __init__(self, deed: Callable[[int], object]) -> None:
        self.times = 0
        self._deed = deed
        self._ended = threading.Event()
        self._wrong: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Meanwhile:
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(_BRIEF_SECONDS)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        sys.setswitchinterval(self._interval)
        if self._wrong is not None:
            raise AssertionError(f"the other thread met {self._wrong!r}") from self._wrong

    def _run(self) -> None:
        while not self._ended.is_set() and self._wrong is None:
            try:
                self._deed(self.times)
            except (*DOCUMENTED, Refused):
                pass
            except BaseException as error:
                self._wrong = error
            self.times += 1


def _size(chance: Chance) -> int:
    """Mostly few; sometimes so many that C++ reads them without the interpreter's lock, on several threads."""
    return chance.randint(2, 40) if chance.maybe(0.97) else chance.randint(20_000, 300_000)


def _held(chance: Chance, values: np.ndarray[Any, Any]) -> tuple[Any, np.ndarray[Any, Any]]:
    """An argument, and the array of its memory."""
    kind = chance.randrange(4)
    if kind == 0:
        values = values.astype(np.float32)
    if kind < 3:
        values = values.copy()
        return (torch.from_numpy(values) if kind == 1 or chance.maybe(0.3) else values), values
    row = np.repeat(values, 2)
    return row[::2], row[::2]


def _versions(chance: Chance, items: int) -> list[np.ndarray[Any, Any]]:
    """Two vectors of weights, both legal; sometimes a third that is not."""
    made = []
    for _ in range(2):
        values = np.abs(plain_weights(chance, items))
        if chance.maybe(0.5):
            values = values / max(values.max(), 1e-300)
        values[0] = max(values[0], 1e-30)
        made.append(np.where(values < 3e38, values, 3e38) if chance.maybe(0.5) else values)
    if chance.maybe(0.3):
        bad = made[0].copy()
        bad[chance.randrange(items)] = chance.one([np.nan, -1.0, np.inf])
        made.append(bad)
    return made


def edited_weights(chance: Chance) -> None:
    """Weights that change while they are read: what is made is sound, or an error says that they are not legal."""
    items = _size(chance)
    with np.errstate(over="ignore"):
        versions = _versions(chance, items)
        value, memory = _held(chance, versions[0])
        versions = [version.astype(memory.dtype) for version in versions]
    possible = np.any([version != 0 for version in versions], axis=0)

    def edit(number: int) -> None:
        with np.errstate(over="ignore"):
            memory[:] = versions[number % len(versions)]

    classes = np.arange(items) % 7
    makers: list[Callable[[], Any]] = [
        lambda: AliasTable(value), lambda: AliasTable(value), lambda: SystematicTable(value),
        lambda: SystematicTable(value, classes), lambda: DynamicTable(value), lambda: ClassTable(np.arange(items), value),
        lambda: WeightedRandomSampler(value, 20, seed=1),
        lambda: WeightedRandomSampler(value, 1, seed=1, replacement=False),
        lambda: pysampler.multinomial(value, 30, True), lambda: pysampler.multinomial(value, 1),
        lambda: pysampler.multinomial(value, 2),
        lambda: [pysampler.repeat_counts(value, seed=1)],
        lambda: pysampler.forecast_coverage(value, 20) if items < 50 else None,
    ]  # fmt: skip
    make = chance.one(makers)
    torch.set_num_threads(1 if items < 1000 else 2)
    refused: BaseException | None = None
    with Meanwhile(edit) as other:
        for _ in range(20 if items < 1000 else 3):
            try:
                _check_made(attempt(make), items, possible)
            except Refused as error:
                refused = error.cause
        must(other.times >= 0, "the other thread did nothing")
    torch.set_num_threads(1)
    if refused is not None:
        raise Refused(refused)


def _check_made(made: Any, items: int, possible: np.ndarray[Any, Any]) -> None:
    if isinstance(made, AliasTable):
        entries = oracle.entries_of(made)
        must(len(entries) == items and bool((entries >> 32 < items).all()), "an alias out of range")
        masses = oracle.masses(made)
        must(
            int(masses.sum(dtype=object)) == items << 32, "masses do not sum to N * 2^32", int(masses.sum(dtype=object))
        )
        must(not masses[~possible].any(), "an item has mass that never had weight")
        drawn: Any = made.draw(20, seed=1)
    elif isinstance(made, torch.Tensor) and made.dtype == torch.int64 and made.numel() <= 30:
        drawn = made
    elif isinstance(made, WeightedRandomSampler):
        drawn = torch.tensor(list(made))
    elif isinstance(made, SystematicTable):
        masses = np.empty(items, np.uint64)
        made._core.masses_into(masses.ctypes.data)
        must(int(masses.sum(dtype=object)) == items << 32, "masses do not sum to N * 2^32")
        drawn = made.draw(20, seed=1, draws=20)
    elif isinstance(made, DynamicTable):
        must(pickle.loads(pickle.dumps(made)).fingerprint == made.fingerprint, "a fingerprint of other weights")
        drawn = made.draw(20, seed=1)
    elif isinstance(made, ClassTable):
        drawn = made.draw(20, seed=1)
    else:
        return
    must(bool(((drawn >= 0) & (drawn < items)).all()), "an index out of range", drawn)
    must(possible[drawn.numpy()].all(), "an item of no weight in any version", drawn)


def edited_indices(chance: Chance) -> None:
    """Indices that change while they are read: only such as were there are marked, changed or told of."""
    items, count = chance.randint(1, 200), _size(chance)
    numbers = chance.numpy()
    versions = [numbers.integers(0, items, count) for _ in range(2)]
    if chance.maybe(0.5):
        bad = versions[0].copy()
        bad[chance.randrange(count)] = chance.one([-1, items, 2**40, -(2**62)])
        versions.append(bad)
    value: Any = versions[0].copy()
    memory = value
    if chance.maybe(0.5):
        value = torch.from_numpy(memory)

    def edit(number: int) -> None:
        memory[:] = versions[number % len(versions)]

    possible = np.zeros(items, bool)
    possible[np.concatenate([version[(version >= 0) & (version < items)] for version in versions])] = True
    kind = chance.randrange(4)
    tracker = CoverageTracker(items, counts=chance.maybe(0.5))
    table = DynamicTable(np.ones(items))
    alias = AliasTable(np.ones(items))
    changed: Any = np.full(count, 2.0)
    calls: list[Callable[[], Any]] = [
        lambda: tracker.update(value),
        lambda: table.update(value, changed),
        lambda: table.log_prob(value),
        lambda: alias.log_prob(torch.from_numpy(memory)),
        lambda: table.importance_weights(value, 0.5),
        lambda: table.weights[value],
    ]
    call = calls[kind] if kind < 2 else chance.one(calls)
    torch.set_num_threads(1 if count < 1000 else 2)
    refused: BaseException | None = None
    with Meanwhile(edit):
        for _ in range(20 if count < 1000 else 4):
            try:
                found = attempt(call)
            except Refused as error:
                refused = error.cause
                continue
            if kind >= 2 and isinstance(found, torch.Tensor):
                must(bool(torch.isfinite(found).all()), "told of an item that there is not", found)
    torch.set_num_threads(1)
    seen = np.ones(items, bool)
    seen[tracker.unseen_items().numpy()] = False
    must(not (seen & ~possible).any(), "an item was marked that never came")
    weights = table.weights.tensor().numpy()
    must(bool(np.isin(weights, (1.0, 2.0)).all()) and not (weights[~possible] != 1).any(), "weights changed elsewhere")
    must(pickle.loads(pickle.dumps(table)).fingerprint == table.fingerprint, "a fingerprint of other weights")
    same(table.probabilities().numpy(), weights / weights.sum(), "masses of other weights")
    if refused is not None:
        raise Refused(refused)


def shared_dynamic(chance: Chance) -> None:
    """A dynamic table that another thread changes in every way while it is drawn from."""
    items = _size(chance)
    weights = np.where(chance.numpy().random(items) < 0.3, 0.0, chance.numpy().random(items) + 0.5)
    weights[0] = 1.0
    never = weights == 0
    never[items // 2 :] = False  # of the rest, the other thread may give weight to any
    never[0] = False
    table = DynamicTable(weights, log=chance.maybe(0.2))
    sampler = WeightedRandomSampler(table, 40, seed=3)
    key = chance.randrange(99)
    most = items + 64
    state = table.state_dict()
    path = os.path.join(_FOLDER.name, f"{os.getpid()}.dynamic")
    changing = np.arange(items // 2, items)
    new = chance.numpy().random(len(changing))
    loads = chance.maybe(0.5)

    def change(number: int) -> None:
        step = number % 6
        if step == 0:
            table.update(changing, new if number % 4 else np.zeros(len(new)))
        elif step == 1 and len(table) < most:
            table.append([1.0, 0.0])
        elif step == 2 and loads:
            table.load_state_dict(state)
        elif step == 3:
            table.update([0], [1.0 + number % 3])
        elif step == 4:
            must(len(table.weights.tensor()) >= items, "items were lost")
        elif number % 60 == 5 and items < 1000:
            table.save(path)
            must(len(DynamicTable.load(path)) >= items, "a file without all items")

    def check(drawn: Any) -> None:
        drawn = np.asarray(drawn)
        must(bool(((drawn >= 0) & (drawn < most + 2)).all()), "an index out of range", drawn)
        must(not never[drawn[drawn < items]].any(), "an item that never had weight", drawn)

    uses: list[Callable[[], Any]] = [
        lambda: check(table.draw(30, seed=key)),
        lambda: check(table.draw(30, seed=key, stratified=True)),
        lambda: check(table.draw(1, seed=key, without_replacement=True)),
        lambda: check(list(sampler)),
        lambda: check([index for batch in WeightedBatchSampler(sampler, 3) for index in batch]),
        lambda: must(bool((table.log_prob([0]) <= 0).all()), "no logarithm of a probability"),
        lambda: must(abs(float(table.probabilities().sum()) - 1) < 1e-9, "probabilities do not sum to one"),
        lambda: pickle.loads(pickle.dumps(table)),
        lambda: DynamicTable(np.ones(items)).load_state_dict(table.state_dict()),
        lambda: table.importance_weights([0], 0.5),
        lambda: (repr(table), repr(sampler), sampler.state_dict(), table.max, table.positive),
    ]
    torch.set_num_threads(1 if items < 1000 else 2)
    with Meanwhile(change):
        for _ in range(12 if items < 1000 else 3):
            attempt(chance.one(uses))
    torch.set_num_threads(1)
    again = DynamicTable(table.weights.tensor())
    must(abs(again.probabilities() - table.probabilities()).max() < 1e-9, "other masses than the weights make")
    must(pickle.loads(pickle.dumps(table)).fingerprint == table.fingerprint, "a fingerprint of other weights")


def shared_tracker(chance: Chance) -> None:
    """A tracker that two threads tell of what has come."""
    items = chance.randint(1, 300)
    numbers = chance.numpy()
    tracker = CoverageTracker(items, counts=True, epochs=(epochs := chance.maybe(0.7)))
    mine, others = (numbers.integers(0, items, chance.one([1, 20, 20_000 if chance.maybe(0.05) else 50])) for _ in "ab")
    path = os.path.join(_FOLDER.name, f"{os.getpid()}.tracker")
    times = chance.randint(3, 30)
    uses: list[Callable[[], Any]] = [
        lambda: tracker.state_dict(), lambda: pickle.loads(pickle.dumps(tracker)), lambda: tracker.new_epoch(),
        lambda: tracker.unseen_items(), lambda: tracker.counts, lambda: tracker.items_per_count(), lambda: repr(tracker),
        lambda: CoverageTracker(items, counts=True, epochs=epochs).merge(tracker),
        lambda: tracker.unique_this_epoch if epochs else None,
    ]  # fmt: skip
    if chance.maybe(0.05):
        uses = [lambda: (tracker.save(path), CoverageTracker.load(path))]
    with Meanwhile(lambda number: tracker.update(others)) as other:
        for _ in range(times):
            attempt(tracker.update, mine)
            attempt(chance.one(uses))
    expected = times * np.bincount(mine, minlength=items) + other.times * np.bincount(others, minlength=items)
    same(tracker.counts.numpy(), np.minimum(expected, 65535), "counts of two threads")
    must(tracker.draws == times * len(mine) + other.times * len(others), "draws of two threads", tracker.draws)


def shared_iterator(chance: Chance) -> None:
    """Two threads take from one iterator while the sampler is used: each index comes once."""
    items, draws = chance.randint(1, 30), chance.randint(1, 3000)
    weights = np.append(plain_weights(chance, items - 1), 1.0)
    world = chance.one([1, 1, 2, 3])
    if world == 1:
        sampler: Any = WeightedRandomSampler(weights, draws, seed=3)
    else:
        sampler = DistributedWeightedSampler(weights, draws, world, world - 1, seed=3)
    size = chance.one([None, None, 1, 7])
    expected = list(sampler)
    sampler.set_epoch(0)
    running = iter(sampler) if size is None else iter(WeightedBatchSampler(sampler, size))
    state = sampler.state_dict()
    taken: list[list[Any]] = [[], []]

    def take(number: int) -> None:
        kind = number % 12
        if kind == 5:
            sampler.set_epoch(number % 7)
        elif kind == 7:
            pickle.dumps(sampler)
        elif kind == 9:
            sampler.state_dict()
        elif kind == 11 and number % 5 == 0:
            sampler.load_state_dict(state)
        drawn = next(running, None)
        if drawn is not None:
            taken[1].append(drawn)

    with Meanwhile(take):
        for drawn in running:
            taken[0].append(drawn)
            if len(taken[0]) % 50 == 0:
                running.state_dict()
    found = [index for part in taken for each in part for index in (each if isinstance(each, list) else [each])]
    same(np.sort(found), np.sort(expected), "indices of two threads")


def dropped(chance: Chance) -> None:
    """Iterators that outlive the sampler, the table and the weights, which another thread lets go of."""
    items, draws = chance.randint(1, 2000), chance.randint(1, 6000)
    weights = np.append(plain_weights(chance, items - 1), 1.0)
    kind = chance.randrange(4)
    makers: list[Callable[[], Any]] = [
        lambda: WeightedRandomSampler(weights.copy(), draws, seed=1),
        lambda: WeightedRandomSampler(AliasTable(weights), draws, seed=1),
        lambda: WeightedRandomSampler(DynamicTable(weights), draws, seed=1),
        lambda: WeightedRandomSampler(ClassTable(np.arange(items) % 5, np.ones(min(5, items))), draws, seed=1),
    ]
    held: list[Any] = [makers[kind]()]
    expected = list(held[0])
    held[0].set_epoch(0)
    running = iter(held[0])
    drawn = [next(running)]

    def drop(number: int) -> None:
        held.clear()
        [np.full(items, np.nan) for _ in range(3)]  # lies where freed memory was

    with Meanwhile(drop):
        drawn += list(running)
    must(drawn == expected, "another pass once its sampler was gone")


def shared_file(chance: Chance) -> None:
    """A file that one thread writes and another reads: what is read is one of what was written, whole."""
    path = os.path.join(_FOLDER.name, f"{os.getpid()}.shared")
    made: list[Any] = [AliasTable(plain_weights(chance, 9) + 5e-324) for _ in range(2)]
    if chance.maybe(0.5):
        made = [ClassTable([0, 0, 1, 2, 2], np.array([1.0, number + 1, 3.0])) for number in range(2)]
    made[0].save(path)
    known = {table.fingerprint for table in made}
    with Meanwhile(lambda number: made[number % 2].save(path)):
        for _ in range(6):
            read = attempt(type(made[0]).load, path, mmap=chance.maybe(0.5))
            must(read.fingerprint in known, "a file of neither table")
            read.draw(20, seed=1)


ALL = (edited_weights, edited_indices, shared_dynamic, shared_tracker, shared_iterator, dropped)
SLOW = (shared_file,)
