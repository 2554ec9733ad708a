"""Fuzzed calls of tables and other sources: every draw beside an oracle in NumPy, or drawn again by another path."""

from __future__ import annotations

import contextlib
import itertools
import math
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import oracle
import systematic_oracle
import torch
from fuzz_chance import Chance, Refused, all_of, attempt, judged, must, same
from fuzz_inputs import Given, epoch, indices, labels, number, output, plain_weights, seed, weights
from prefix_draws import prefix_draws

import pysampler
from pysampler import (
    AliasTable,
    ClassTable,
    DynamicTable,
    Mixture,
    MPerClassBatches,
    Shuffle,
    SystematicTable,
    UnderSampling,
)

MAX_POSITION = 2**63 - 1
_ROUNDING = Fraction(1, 2**32)
DRAWS = 5  # of each source: making it takes longer than a draw


class Wanted:
    """The arguments of a draw, some of them hostile."""

    def __init__(self, chance: Chance, items: int, within: int | None = None) -> None:
        self.n = number(chance, 0, 2**60 - 1, (0, chance.one([3, 20, 60])), wild=0.03)
        if isinstance(self.n.value, int) and self.n.value >= 2**40:
            self.n.valid = None if self.n.valid else False  # no memory, or beyond the last position
        self.seed, self.epoch = seed(chance), epoch(chance)
        far = within is None and chance.maybe(0.2)
        self.start = number(chance, 0, 2**64 - 1, (0, 2**62) if far else (0, 50), wild=0.03)
        self.step = number(chance, 1, 2**64 - 1, (1, 2**40 if far else 4), wild=0.03)
        self.out = output(chance, self.n.value, items)
        self.valid = all_of(*(each.valid for each in (self.n, self.seed, self.epoch, self.start, self.step, self.out)))
        if all(each.valid is not False and each.meaning is not None for each in (self.n, self.start, self.step)):
            last = self.start.meaning + (self.n.meaning - 1) * self.step.meaning
            beyond = last > MAX_POSITION or (within is not None and last >= within)
            if self.n.meaning > 0 and beyond:
                self.valid = False
        self.named: dict[str, Any] = {"seed": self.seed.value}
        for name, given in (("epoch", self.epoch), ("start", self.start), ("step", self.step)):
            if chance.maybe(0.6) or name != "epoch":
                self.named[name] = given.value
            elif given.valid is not True:
                self.valid = None
        self.epoch_drawn = self.epoch.meaning if "epoch" in self.named else 0
        self.named.update(self.out.value)

    def drawn(self, table: Any, valid: bool | None = True, **more: Any) -> np.ndarray[Any, Any]:
        """Draws, and makes sure that what is returned is what was asked for."""
        result = judged(all_of(self.valid, valid), table.draw, self.n.value, **{**self.named, **more})
        must(isinstance(result, torch.Tensor) and result.device.type == "cpu", "no tensor on the CPU")
        must(result.shape == (self.n.meaning,), "another shape", result.shape)
        if self.out.meaning is not None:
            must(result is self.out.meaning, "not out itself")
        must(result.dtype == self.out.value.get("dtype", getattr(self.out.meaning, "dtype", torch.int64)), "dtype")
        return result.numpy().astype(np.int64)

    @property
    def positions(self) -> list[int]:
        return [self.start.meaning + i * self.step.meaning for i in range(self.n.meaning)]


def alias_table(chance: Chance) -> None:
    given = weights(chance)
    table = judged(given.valid, AliasTable, given.value)
    if given.meaning is not None:
        must(len(table) == len(given.meaning), "as many items as weights")
        if len(given.meaning) <= 60:
            oracle.check_masses(table, given.meaning)
    _check_alias(chance, table)


def _check_alias(chance: Chance, table: Any) -> None:
    masses = oracle.masses(table)
    must(int(masses.sum(dtype=object)) == len(table) << 32, "masses do not sum to N * 2^32")
    for _ in range(DRAWS):
        with contextlib.suppress(Refused):
            wanted = Wanted(chance, len(table))
            drawn = wanted.drawn(table)
            positions = np.array(wanted.positions, np.uint64)
            expected = oracle.draws(table, wanted.seed.meaning, wanted.epoch_drawn, positions)
            same(drawn, expected, "draws of an alias table")
    kind = chance.randrange(8)
    if kind == 0:
        same(table.probabilities().numpy(), masses / (len(table) * 2.0**32), "probabilities")
    elif kind == 1:
        must(pickle.loads(pickle.dumps(table)).fingerprint == table.fingerprint, "a pickled table is another")
    elif kind == 2 and len(table) <= 60:
        must(table.fingerprint == oracle.fingerprint(oracle.entries_of(table).tolist()), "fingerprint")
    elif kind == 3:
        _check_log_prob(chance, table, masses / (len(table) * 2.0**32))
    elif kind == 4:
        state = pysampler.stream_state(3, epoch=2, position=5)
        found = torch.ops.pysampler.draw(table.as_tensor(), state, 9, 2)
        same(found, table.draw(9, seed=3, epoch=2, start=5, step=2), "the operator's draws")
        must(state.tolist() == [3, 2, 23], "the operator's state", state)
    repr(table)


def _check_log_prob(chance: Chance, table: Any, probabilities: Any) -> None:
    where = indices(chance, len(table))
    value = where.value
    usable = isinstance(value, torch.Tensor) and value.dtype in (torch.int64, torch.int32)
    found = judged(where.valid if usable else (None if where.valid is None else False), table.log_prob, value)
    with np.errstate(divide="ignore"):
        expected = np.log(probabilities[where.meaning]).astype(np.float32)
    if where.meaning is not None:
        must(np.allclose(found.numpy().reshape(-1), expected, rtol=1e-6), "log_prob", found, expected)


def operator(chance: Chance) -> None:
    """torch.ops.pysampler.draw with any numbers, and tensors that are no tables."""
    table = AliasTable(np.append(plain_weights(chance, 5), 1.0))
    entries: Any = table.as_tensor()
    state: Any = pysampler.stream_state(chance.randrange(9))
    valid: bool | None = True
    if chance.maybe(0.3):
        valid = False
        entries = chance.one(
            [entries[None], entries.int(), entries[:0], entries[::2], entries.double(), entries.to("meta")]
        )
    if chance.maybe(0.2):
        valid = False
        state = chance.one([state[:2], state.double(), torch.tensor([0, -1, 0]), torch.tensor([0, 2**48, 0]),
                            torch.tensor([0, 0, -5]), state.repeat_interleave(2)[::2]])  # fmt: skip
    n, step = number(chance, 0, 2**60, (0, 20), wild=0), number(chance, 1, 2**40, (1, 5), wild=0)
    if chance.maybe(0.05):
        n, valid = Given(chance.one([-1, -(2**63)])), False
    found = judged(valid, torch.ops.pysampler.draw, entries, state, n.value, step.value, also=())
    must(len(found) == n.value and bool((found < len(table)).all()), "draws of the operator", found)


def stream_state(chance: Chance) -> None:
    key, at, first = seed(chance), epoch(chance), number(chance, 0, 2**63 - 1)
    valid = all_of(key.valid, at.valid, first.valid)
    state = judged(valid, pysampler.stream_state, key.value, epoch=at.value, position=first.value)
    must(
        [int(state[0]) % 2**64, *state[1:].tolist()] == [key.meaning % 2**64, at.meaning, first.meaning], "state", state
    )


def class_table(chance: Chance) -> None:
    given = labels(chance)
    if given.meaning is None:
        read = attempt(pysampler.read_labels, given.value)
        codes, names = None, read.classes
    else:
        codes, names = given.meaning
    shares = weights(chance, len(names))
    valid = given.valid
    if codes is not None and shares.meaning is not None and shares.valid:
        counts = np.bincount(codes, minlength=len(names))
        with np.errstate(all="ignore"):
            valid = all_of(valid, bool((shares.meaning[counts > 0] > 0).any()))
            if not np.isfinite(shares.meaning * counts).all():
                valid = None if valid else valid
    else:
        valid = all_of(valid, shares.valid)
    table = judged(valid, ClassTable, given.value, shares.value)
    probabilities = table.probabilities().numpy()
    must(abs(probabilities.sum() - 1) < 1e-12, "probabilities do not sum to one")
    if codes is not None:
        own = table.class_probabilities().numpy()
        same(probabilities, own[codes] / np.bincount(codes, minlength=len(names))[codes], "items of a class are alike")
        if shares.meaning is not None:
            with np.errstate(all="ignore"):
                same(own > 0, (shares.meaning > 0) & (counts > 0), "which classes are drawn")
    _check_paths(chance, table, probabilities > 0)
    if chance.maybe(0.2):
        same(table.class_counts.sum(), sum(table.class_counts.tolist()), "counts")
        again = pickle.loads(pickle.dumps(table))
        same(again.draw(9, seed=1), table.draw(9, seed=1), "a pickled class table draws something else")


def _check_paths(chance: Chance, table: Any, drawable: Any, within: int | None = None, **more: Any) -> None:
    """Draws of a source without an oracle: allowed items only, and the same one by one, backwards and in int32."""
    for _ in range(DRAWS):
        with contextlib.suppress(Refused):
            _check_path(chance, table, drawable, Wanted(chance, len(table), within), **more)


def _check_path(chance: Chance, table: Any, drawable: Any, wanted: Wanted, **more: Any) -> None:
    drawn = wanted.drawn(table, **more)
    must(drawable is None or drawable[drawn].all(), "an item that must not be drawn", drawn)
    positions = wanted.positions
    for place in chance.sample(range(len(positions)), min(3, len(positions))):
        named = {"seed": wanted.seed.value, "epoch": wanted.epoch_drawn, "start": positions[place]}
        alone = judged(True, table.draw, 1, **named, **more)
        must(int(alone) == drawn[place], "drawn alone it is another", place, drawn.tolist(), int(alone))


def systematic_table(chance: Chance) -> None:
    given = weights(chance, chance.randint(1, 30))
    classes: Any = None
    if chance.maybe(0.4) and given.meaning is not None:
        classes = chance.numpy().integers(0, 3, len(given.meaning))
    table = judged(given.valid, SystematicTable, given.value, classes)
    masses = np.empty(len(table), np.uint64)
    table._core.masses_into(masses.ctypes.data)
    if given.meaning is not None:
        same(masses, oracle.masses(AliasTable(given.meaning)), "masses of a systematic table")
    draws = chance.randint(1, 40)
    batch = chance.randint(1, draws) if classes is not None and chance.maybe(0.7) else None
    items = systematic_oracle.Items(masses.tolist(), None if classes is None else classes.tolist())
    key, at = chance.randrange(5), chance.randrange(5)
    found = table.draw(draws, seed=key, epoch=at, draws=draws, global_batch_size=batch).tolist()
    must(found == systematic_oracle.draws(items, draws, key, at, batch), "systematic draws", found)
    _check_paths(chance, table, masses > 0, draws, draws=draws, global_batch_size=batch)
    bad = number(chance, 1, draws, wild=0.5)
    with contextlib.suppress(Refused):
        valid = bad.value is None or (bad.valid and classes is not None)
        judged(valid, table.draw, 1, seed=0, draws=draws, global_batch_size=bad.value)


def dynamic_table(chance: Chance) -> None:
    """A chain of updates beside a list of weights, and of draws beside prefix sums of masses."""
    given = weights(chance, chance.randint(0, 20))
    valid = given.valid
    if given.meaning is not None:
        valid = bool(np.isfinite(given.meaning).all() and (given.meaning >= 0).all())
    table = judged(valid, DynamicTable, given.value)
    model = table.weights.tensor().to(torch.float64).numpy()
    if given.meaning is not None:
        same(model, np.abs(given.meaning), "weights of a dynamic table")
    for _ in range(chance.randint(1, 6)):
        model = _change(chance, table, model)
        same(table.weights.tensor().to(torch.float64), model, "weights after changes")
        _check_dynamic(chance, table, model)


def _change(chance: Chance, table: Any, model: Any) -> Any:
    kind = chance.randrange(5)
    wide = table.dtype == torch.float64
    try:
        if kind < 3:
            where = indices(chance, len(table))
            count = len(where.meaning) if where.meaning is not None else 2
            new = weights(chance, chance.one([count, count, 1]), wild=0.05)
            valid = where.valid
            if new.meaning is not None and where.meaning is not None:
                with np.errstate(over="ignore"):
                    rounded = new.meaning if wide else new.meaning.astype(np.float32).astype(np.float64)
                lost = ((rounded == 0) != (new.meaning == 0)).any()
                fits = len(rounded) in (1, count)
                sound = bool(np.isfinite(rounded).all() and (rounded >= 0).all() and not lost)
                valid = all_of(valid, fits, None if count == 0 and not sound else sound)
            else:
                valid = all_of(valid, None)
            judged(valid, table.update, where.value, new.value)
            if new.meaning is None or where.meaning is None:
                return table.weights.tensor().to(torch.float64).numpy()
            model = model.copy()
            model[where.meaning] = np.abs(np.broadcast_to(rounded, len(where.meaning)))
        elif kind == 3:
            new = weights(chance, chance.randint(0, 5), wild=0.2)
            attempt(table.append, new.value)
            model = table.weights.tensor().to(torch.float64).numpy()
        else:
            state = attempt(table.state_dict)
            table.load_state_dict(pickle.loads(pickle.dumps(state)))
    except Exception as error:  # refused: nothing may have changed
        same(table.weights.tensor().to(torch.float64), model, "a refused change has changed something")
        raise error
    return model


def _check_dynamic(chance: Chance, table: Any, model: Any) -> None:
    exact = [Fraction(weight) for weight in model.tolist()]
    unit = Fraction(2) ** table.scale
    masses = [0 if not weight else max(1, _half_even(weight * unit)) for weight in exact]
    total = sum(masses)
    same(table.probabilities(), np.array(masses, np.uint64) / float(max(total, 1)), "probabilities")
    must(table.positive == sum(mass > 0 for mass in masses), "how many are positive")
    if chance.maybe(0.3):
        must(table.max == max(model.tolist(), default=0.0), "the largest weight")
    wanted = Wanted(chance, len(table))
    possible = total > 0 or wanted.n.meaning == 0
    drawn = wanted.drawn(table, possible)
    ends = np.array(list(itertools.accumulate(masses)), object)
    for position, item in list(zip(wanted.positions, drawn.tolist(), strict=True))[:8]:
        word = int(oracle.word(wanted.seed.meaning, wanted.epoch_drawn, position))
        must(item == int(np.searchsorted(ends, word * total >> 64, side="right")), "the unit's owner", position, item)
    where = indices(chance, len(table), wild=0.3)
    found = judged(where.valid, table.log_prob, where.value)
    if where.meaning is not None:
        with np.errstate(divide="ignore"):
            expected = np.log(np.array(masses, np.uint64)[where.meaning] / float(max(total, 1))).astype(np.float32)
        must(np.allclose(found.numpy().reshape(-1), expected, rtol=1e-5, atol=1e-6), "log_prob", found, expected)


def _half_even(number: Fraction) -> int:
    return round(number)  # of Fractions: to the nearest, ties to even


def dynamic_draws(chance: Chance) -> None:
    """Strata, distinct items and importance weights."""
    model = np.append(plain_weights(chance, chance.randint(0, 20)), 1.0)
    table = DynamicTable(model)
    n = number(chance, 0, 2**60, (0, 12), wild=0)
    distinct = chance.maybe(0.5)
    strata = chance.one([True, False, 3, 0, -1, 2**60, "x", None]) if not distinct or chance.maybe(0.1) else False
    positive = int((table.probabilities() > 0).sum())
    valid = n.meaning <= positive if distinct else None
    found = judged(
        valid if strata is False else None,
        table.draw, n.value, seed=3, stratified=strata, without_replacement=distinct,
    )  # fmt: skip
    must(bool((table.probabilities()[found] > 0).all()), "an item of weight zero")
    if distinct:
        must(len(set(found.tolist())) == len(found), "an item twice", found)
    beta = chance.one([0.0, 0.5, 1.0, 2, -1.0, float("nan"), float("inf"), "1", None, 10**400, True])
    corrections = attempt(table.importance_weights, found, beta, chance.one(["batch", "table", "none"]))
    must(bool((corrections >= 0).all() and (corrections <= 1).all()), "importance weights beyond one", corrections)


def mixture(chance: Chance) -> None:
    sizes = [number(chance, 0, 2**62, (0, 40), wild=0.02) for _ in range(chance.randint(1, 5))]
    shares = weights(chance, len(sizes), wild=0.03)
    window = number(chance, 1, 2**24, (1, 30), wild=0.05)
    valid: bool | None = None
    known = all(each.valid for each in sizes) and shares.valid and window.valid
    if known and shares.meaning is not None:
        ample = all(size.meaning > 0 or share == 0 for size, share in zip(sizes, shares.meaning, strict=True))
        valid = None if ample else False
    if shares.valid is False or window.valid is False:
        valid = False
    source = judged(valid, Mixture, [size.value for size in sizes], shares.value, window=window.value)
    key, width = chance.randrange(9), source.window
    drawn = source.draw(3 * width, seed=key).numpy()
    ends = np.cumsum(source.sizes)
    owners = np.searchsorted(ends, drawn, side="right")
    exact = [Fraction(float(share)) for share in np.asarray(source._stages[0][1], object)]
    part = [share / sum(exact) for share in exact]
    for begin in range(0, len(drawn), width):
        counts = np.bincount(owners[begin : begin + width], minlength=len(sizes))
        for count, share in zip(counts.tolist(), part, strict=True):
            # Shares are rounded to whole masses: where W p is 1 there may be none.
            low, high = math.floor(share * width - _ROUNDING), math.floor(share * width + _ROUNDING) + 1
            must(low < 1 or low <= count <= high, "a window strays", counts.tolist(), float(share))
            must(share > 0 or count == 0, "an item of a source without a share")
    counted = source.counts(len(drawn), seed=key)
    same(list(counted.values()), np.bincount(owners, minlength=len(sizes)), "counts before a position")
    _check_paths(chance, source, None, within=2**20)
    if chance.maybe(0.3):
        first = number(chance, 0, 2**62, (0, 99), wild=0.1)
        attempt(source.at, first.value, weights(chance, len(sizes)).value)
        source.load_state(source.state())
        source.draw(9, seed=1)


def shuffle(chance: Chance) -> None:
    items = number(chance, 1, 2**62, (1, chance.one([9, 70, 200, 5000])), wild=0.1)
    sized = isinstance(items.value, list | str | bytes | dict)
    source = judged(None if sized else items.valid, Shuffle, items.value)
    n = len(source)
    if n <= 5000:
        same(
            np.sort(source.draw(n, seed=chance.randrange(99), epoch=chance.randrange(9)).numpy()), np.arange(n), "order"
        )
    _check_paths(chance, source, None)


def under_sampling(chance: Chance) -> None:
    given = labels(chance)
    quota: Any = None
    valid = given.valid
    if chance.maybe(0.5):
        chosen = number(chance, 1, 2**32 - 1, (1, 5), wild=0.1)
        quota = chosen.value
        valid = None if isinstance(quota, list | dict) else all_of(valid, chosen.valid or quota is None)
    source = judged(valid, UnderSampling, given.value, quota)
    if source.num_samples > 10_000:
        return
    drawn = source.draw(source.num_samples, seed=1, epoch=chance.randrange(4)).numpy()
    if given.meaning is not None:
        codes, names = given.meaning
        counts = np.bincount(codes, minlength=len(names))
        shown = np.bincount(codes[drawn], minlength=len(names))
        wanted = counts[counts > 0].min() if quota is None else int(np.ravel(quota)[0])
        same(shown, np.where(counts > 0, wanted, 0), "how many of each class")
        times = np.bincount(drawn, minlength=len(codes))
        per = wanted / np.maximum(counts[codes], 1)
        must(bool(((times >= np.floor(per)) & (times <= np.ceil(per))).all()), "an item comes too often", times)
    _check_paths(chance, source, None)


def m_per_class(chance: Chance) -> None:
    given = labels(chance)
    m = number(chance, 1, 2**32 - 1, (1, 4), wild=0.05)
    length = number(chance, 1, 2**60, (1, 300), wild=0.03)
    size: Any = None
    if chance.maybe(0.6):
        size = chance.randint(0, 5) * (m.value if isinstance(m.value, int) and m.value < 99 else 1)
    valid = False if False in (m.valid, length.valid, given.valid) else None
    source = judged(valid, MPerClassBatches, given.value, m.value, size, length.value)
    if source.batch_size > 10_000:
        return
    drawn = source.draw(source.batch_size, seed=2, epoch=chance.randrange(4)).numpy()
    if given.meaning is not None:
        found = given.meaning[0][drawn].reshape(-1, source.m)
        must(bool((found == found[:, :1]).all()), "m of a class follow one another", found)
        must(len(set(found[:, 0].tolist())) == len(found), "a class twice in a batch", found)
    _check_paths(chance, source, None)


def multinomial(chance: Chance) -> None:
    rows = chance.one([None, None, 1, 2, 3])
    columns = chance.randint(1, 12) if chance.maybe(0.9) else chance.randint(1, 1500)
    if rows is None or chance.maybe(0.1):
        given = weights(chance, columns)
        matrix = None if given.meaning is None else given.meaning[None]
        rows = None
    else:
        matrix = np.stack([np.append(plain_weights(chance, columns - 1), 1.0) for _ in range(rows)])
        given = Given(torch.from_numpy(matrix.copy()), True, matrix)
        if chance.maybe(0.3):
            given.value = given.value.T.contiguous().T
    count = number(chance, 1, 2**60 - 1, (1, chance.one([3, 20, 90])), wild=0.04)
    replacement: Any = (
        chance.one([True, True, False, False, 1, 0]) if chance.maybe(0.97) else chance.one(["x", None, 2.0])
    )
    valid = all_of(given.valid, count.valid, isinstance(replacement, bool | int))
    if valid and not replacement and matrix is not None:
        valid = bool(((matrix > 0).sum(1) >= count.meaning).all())
    if count.valid and count.meaning > 2**30 and valid:
        valid = None
    shape = (*(() if rows is None else (rows,)), count.meaning)
    out, kind = None, chance.randrange(6)
    if kind < 2 and isinstance(count.meaning, int) and 0 <= count.meaning < 1000:
        out = torch.full(shape if kind == 0 else (0,), -7, dtype=torch.int64, device="cpu")
    elif kind == 2 and chance.maybe(0.3):
        valid = False
        out = chance.one([torch.zeros(3, device="cpu"), torch.zeros(3, dtype=torch.int64, device="meta"), [1], 3,
                          torch.zeros(2, dtype=torch.int64, device="cpu").to_sparse(), np.zeros(3, np.int64)])  # fmt: skip
    generator = torch.Generator().manual_seed(chance.randrange(99))
    key = int(torch.empty((), dtype=torch.int64).random_(-(2**63), None, generator=generator.clone_state()).item())
    found = judged(valid, pysampler.multinomial, given.value, count.value, replacement, generator=generator, out=out)
    must(out is None or found is out, "not out itself")
    if matrix is None:
        return
    must(found.shape == shape and found.dtype == torch.int64, "shape", found.shape)
    for row, drawn in enumerate(found.reshape(len(matrix), -1).tolist()):
        must(matrix[row][drawn].min() > 0, "an item of weight zero", drawn)
        if not replacement and count.meaning > 1:
            must(
                drawn == oracle.race_order(matrix[row], key, 0, row * columns)[: count.meaning],
                "order of a race",
                drawn,
            )
            continue
        first = row * count.meaning
        by_prefix = prefix_draws(matrix[row], key, first, count.meaning)
        by_table = AliasTable(matrix[row]).draw(count.meaning, seed=key, start=first).tolist()
        must(drawn in (by_prefix, by_table), "draws of a row", drawn, by_prefix, by_table)


ALL = (
    alias_table,
    operator,
    stream_state,
    class_table,
    systematic_table,
    dynamic_table,
    dynamic_draws,
    mixture,
    shuffle,
    under_sampling,
    m_per_class,
    multinomial,
)
