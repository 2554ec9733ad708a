"""Fuzzed calls on labels and counts: weights of classes, repeat factors, forecasts, trackers and audits."""

from __future__ import annotations

import contextlib
import io
import math
import pickle
from typing import Any

import numpy as np
import torch
from fuzz_chance import Chance, Refused, all_of, attempt, judged, must, same
from fuzz_inputs import Given, hostile, indices, labels, number, plain_weights, several_labels, weights

import pysampler
from pysampler import AliasTable, CoverageTracker, WeightedRandomSampler

_NUMBERS: list[Any] = [0.0, 0.5, 1.0, 0.999, -1.0, 2.0, float("nan"), float("inf"), 10**400, -(10**400), "x", None,
                       True, 1e308, torch.tensor(0.5), torch.tensor(0.5, device="meta"), [0.5], np.float32(0.25)]  # fmt: skip


def class_weights(chance: Chance) -> None:
    given = labels(chance)
    scheme = chance.one(["inverse", "sqrt", "effective", "power", "progressive", "inverse", "sqrt", "x", None, 3])
    parameter = {"effective": "beta", "power": "alpha", "progressive": "progress"}.get(str(scheme))
    named: dict[str, Any] = {}
    if parameter and chance.maybe(0.9):
        named[parameter] = chance.one(_NUMBERS)
    if chance.maybe(0.1):
        named[chance.one(["beta", "alpha", "progress", "targets"])] = chance.one([*_NUMBERS, {}, {0: 1.0}, [1.0]])
    if chance.maybe(0.5):
        named["empty"] = "zero"
    found = attempt(pysampler.class_weights, given.value, scheme, dtype=torch.float64, **named)
    if given.meaning is None:
        return
    codes, names = given.meaning
    counts = np.bincount(codes, minlength=len(names)).astype(np.float64)
    must(given.valid is not False and found.shape == (len(names),), "what is not valid was accepted", given.value)
    filled = counts > 0
    with np.errstate(divide="ignore"):
        if scheme == "inverse" and "targets" not in named:
            same(found.numpy(), np.where(filled, 1 / counts, 0), "inverse")
        elif scheme == "sqrt":
            must(np.allclose(found.numpy(), np.where(filled, counts**-0.5, 0)), "sqrt")
        elif scheme == "progressive":
            t = float(named["progress"])
            expected = (1 - t) / counts.sum() + t / (filled.sum() * counts)
            must(np.allclose(found.numpy()[filled], expected[filled]), "progressive")
    by_item = pysampler.sample_weights(given.value, scheme, **{k: v for k, v in named.items() if k != "empty"})
    same(by_item.numpy(), found.numpy()[codes], "weights of items are those of their classes")


def targets(chance: Chance) -> None:
    """Shares of classes, in all forms."""
    given = labels(chance, wild=0)
    if given.meaning is None:
        attempt(pysampler.sample_weights, given.value, targets=[1.0])
        return
    codes, names = given.meaning
    counts = np.bincount(codes, minlength=len(names))
    shares = np.where(counts > 0, chance.numpy().random(len(names)) + 0.01, 0)
    shares /= shares.sum()
    value: Any = dict(zip(names, shares.tolist(), strict=True))
    valid: bool | None = given.valid
    kind = chance.randrange(6)
    if kind == 0:
        value = chance.one([shares, shares.tolist(), torch.from_numpy(shares)])
    elif kind == 1:
        value[chance.one(names)] = chance.one(_NUMBERS)
        valid = None
    elif kind == 2:
        value = chance.one([{}, [], None, 3, "x", hostile(chance, shares), {"other": 1.0}, [shares.tolist()]])
        valid = None
    found = judged(valid, pysampler.sample_weights, given.value, targets=value)
    if valid:
        by_class = np.bincount(codes, found.numpy(), minlength=len(names))
        must(np.allclose(by_class, shares), "the shares of classes", by_class, shares)


def read_labels(chance: Chance) -> None:
    given = labels(chance, wild=0.3)
    classes = chance.one([None, None, None, [0, 1, 2, 3, 4, 5], ["a", "b"], [], [0, 0], 3, "ab", [[1]], [None], {0: 1}])
    read = judged(given.valid if classes is None else None, pysampler.read_labels, given.value, classes=classes)
    must(len(read.counts) == len(read.classes), "a count for each class")
    must(len(read.codes) == 0 or 0 <= read.codes.min() <= read.codes.max() < len(read.classes), "codes out of range")
    if given.meaning is not None and classes is None:
        same(read.codes, given.meaning[0], "codes")
        must(read.classes == given.meaning[1], "classes", read.classes)
    elif classes is None and isinstance(given.value, list) and given.value and isinstance(given.value[0], set):
        pairs = sorted(several_labels(given.value))
        if read.offsets is None:
            items = np.arange(len(read))
        else:
            items = np.repeat(np.arange(len(read)), np.diff(read.offsets))
        must(sorted(zip(items.tolist(), read.codes.tolist(), strict=True)) == pairs, "sets of labels", read.codes)
    where = chance.numpy().integers(-1 if chance.maybe(0.1) else 0, len(read), 3)
    taken = judged(bool((where >= 0).all()), read.take, where)
    must(len(taken) == 3, "three items")
    repr(read)


def repeats(chance: Chance) -> None:
    factors = weights(chance)
    key, epoch = number(chance, -(2**63), 2**64 - 1, (0, 9)), number(chance, 0, 2**48 - 1, (0, 9))
    valid = all_of(key.valid, epoch.valid)
    if factors.meaning is None:
        valid = all_of(valid, None)
    else:
        with np.errstate(invalid="ignore"):
            fine = bool(((factors.meaning >= 0) & (factors.meaning < 2**31)).all())
        valid = all_of(valid, fine)
        if valid and factors.meaning.sum() > 10**7:
            return
    counts = judged(valid, pysampler.repeat_counts, factors.value, seed=key.value, epoch=epoch.value)
    if factors.meaning is not None:
        more = counts.numpy() - np.floor(factors.meaning)
        must(bool(((more == 0) | (more == 1)).all()), "floor or ceil", counts)
        found = pysampler.repeat_indices(factors.value, seed=key.value, epoch=epoch.value)
        same(found.numpy(), np.repeat(np.arange(len(counts)), counts.numpy()), "repeated indices")
    given = labels(chance)
    t = chance.one(_NUMBERS)
    found = attempt(pysampler.repeat_factors, given.value, t)
    must(bool((found >= 1).all()), "factors below one", found)


def forecast(chance: Chance) -> None:
    given = weights(chance, chance.randint(1, 20))
    draws = number(chance, 1, 2**60 - 1, (1, 50), wild=0.1)
    if given.valid and given.meaning is not None:
        positive = given.meaning[given.meaning > 0]
        tiny = float(positive.min()) / 1e3 < float(positive.max() / 1e3) * 1e-12
        given.valid = None if tiny or not np.isfinite(positive.sum()) else True
    valid = all_of(given.valid, draws.valid if draws.value is not None else None)
    found = judged(valid, pysampler.forecast_coverage, given.value, draws.value)
    if given.meaning is not None and given.valid and draws.meaning is not None and draws.meaning < 10**6:
        p = given.meaning / given.meaning.sum()
        with np.errstate(divide="ignore"):
            expected = -np.expm1(draws.meaning * np.log1p(-np.minimum(p, 1))).sum()
        must(math.isclose(found.expected_unique, expected, rel_tol=1e-6), "expected", found.expected_unique, expected)
    must(found.draws_to_expect_50 <= found.draws_to_expect_90 <= found.draws_to_expect_99, "more takes longer")
    must(found.full_coverage_draws_median <= found.full_coverage_draws_95, "quantiles")
    with contextlib.suppress(Refused):
        _ask_forecast(chance, found)
    str(found)


def _ask_forecast(chance: Chance, found: Any) -> None:
    level = chance.one([*_NUMBERS, 1e-300, 1 - 1e-16, 5e-324])
    for ask in ("full_coverage_draws_quantile", "full_coverage_whole_epochs_quantile", "draws_to_expect"):
        answer = attempt(getattr(found, ask), level)
        must(answer >= 0, "a negative answer", answer)
    answer = attempt(found.full_coverage_probability, chance.one(_NUMBERS))
    must(0 <= answer <= 1, "no probability", answer)
    attempt(found.expected_unique_after, number(chance, 0, 2**62).value)


def simulate(chance: Chance) -> None:
    values = 1 + chance.numpy().random(chance.randint(1, 6))
    draws, trials = number(chance, 1, 2**60, (1, 20), wild=0.1), number(chance, 1, 2**60, (1, 4), wild=0.1)
    given = Given(values) if chance.maybe(0.9) else Given(hostile(chance, values), None)
    valid = all_of(given.valid, draws.valid if draws.value is not None else True, trials.valid)
    found = judged(valid, pysampler.simulate_coverage, given.value, draws.value, trials=trials.value, seed=3)
    if given.valid:
        table = AliasTable(values)
        for trial, (unique, full) in enumerate(
            zip(found.unique_after_one_epoch.tolist(), found.draws_to_full_coverage.tolist(), strict=True)
        ):
            drawn = table.draw(full, seed=3, epoch=trial).tolist()
            must(len(set(drawn)) == len(values) and len(set(drawn[:-1])) == len(values) - 1, "when all had come", full)
            first = table.draw(found.draws_per_epoch, seed=3, epoch=trial)
            must(unique == len(first.unique()), "unique after an epoch")


def tracker(chance: Chance) -> None:
    """A tracker's life beside arrays."""
    items = number(chance, 1, 2**60 - 1, (1, chance.one([3, 70, 300])), wild=0.04)
    if isinstance(items.value, int) and items.value >= 2**30:
        items.valid = None if items.valid else False
    counting, epochs = chance.maybe(0.5), chance.maybe(0.6)
    watched = judged(items.valid, CoverageTracker, items.value, counts=counting, epochs=epochs)
    n = watched.num_items
    if n > 10**6:
        return
    counts, now = np.zeros(n, np.int64), np.zeros(n, bool)
    draws = 0
    for _ in range(chance.randint(1, 6)):
        kind = chance.randrange(8)
        if kind < 4:
            where = indices(chance, n, wild=0.2)
            judged(where.valid, watched.update, where.value)
            if where.meaning is None:
                return
            np.add.at(counts, where.meaning, 1)
            now[where.meaning] = True
            draws += len(where.meaning)
        elif kind == 4:
            watched.new_epoch()
            now[:] = False
        elif kind == 5:
            other = CoverageTracker(n, counts=counting, epochs=epochs)
            other.update(np.arange(0, n, 2))
            watched.merge(other)
            counts[::2] += 1
            now[::2] = True
            draws += (n + 1) // 2
        elif kind == 6:
            again = CoverageTracker(n, counts=counting, epochs=epochs)
            again.load_state_dict(watched.state_dict())
            watched = again
        else:
            watched = pickle.loads(pickle.dumps(watched))
    must((watched.unique, watched.draws) == (int((counts > 0).sum()), draws), "unique and draws", watched)
    same(watched.never_seen().numpy(), np.flatnonzero(counts == 0), "never seen")
    if counting:
        same(watched.counts.numpy(), counts, "counts")
        same(watched.items_per_count().numpy(), np.bincount(counts), "items per count")
    if epochs:
        must(watched.unique_this_epoch == int(now.sum()), "unique this epoch")
    with contextlib.suppress(Refused):
        _damaged_state(chance, watched)


def _damaged_state(chance: Chance, watched: Any) -> None:
    state = watched.state_dict()
    name = chance.one(list(state))
    bad: list[Any] = [
        None, -1, 10**400, "x", 1.5, True, torch.zeros(3, dtype=torch.int64), torch.zeros(2, requires_grad=True),
        torch.zeros(1, dtype=torch.int64, device="meta"), np.zeros(2), hostile(chance, np.ones(2)),
    ]  # fmt: skip
    value = state[name]
    if isinstance(value, torch.Tensor) and chance.maybe(0.7):  # forged: like the right one, but for a bit
        bad = [value.clone()]
        bad[0].view(torch.uint8)[chance.randrange(value.numel() * value.element_size())] ^= 1 << chance.randrange(8)
    elif type(value) is int and chance.maybe(0.7):
        bad = [value + 1, max(0, value - 1)]
    state[name] = chance.one(bad)
    before = watched.state_dict()
    way = chance.randrange(3)
    if way == 0:
        state = attempt(
            lambda: pickle.loads(pickle.dumps(state)), also=(NotImplementedError, RuntimeError, AttributeError)
        )
    elif way == 1:
        file = io.BytesIO()
        attempt(torch.save, state, file, also=(NotImplementedError, RuntimeError, AttributeError))
        file.seek(0)
        state = attempt(torch.load, file, weights_only=False, also=(RuntimeError, AttributeError))
    try:
        attempt(watched.load_state_dict, chance.one([state, state, state, None, [], "x", {}]))
    except Refused:
        same(watched.state_dict()["seen"], before["seen"], "a refused state has changed the tracker")
        raise
    after = watched.state_dict()
    must(after["checksum"] == before["checksum"] or state["checksum"] is None, "a damaged state was loaded", state)


def states_of_trackers(chance: Chance) -> None:
    """Good states go through pickle, torch.save and files, into a tracker that keeps no more than they have."""
    items = chance.randint(1, 300)
    kept = {"counts": chance.maybe(0.6), "epochs": chance.maybe(0.6)}
    watched = CoverageTracker(items, **kept)
    for _ in range(chance.randrange(4)):
        watched.update(chance.numpy().integers(0, items, chance.randrange(200)))
        if chance.maybe(0.3):
            watched.new_epoch()
    state: Any = watched.state_dict()
    if chance.maybe(0.3):
        state.pop("checksum")  # as older ones
    way = chance.randrange(3)
    if way == 2 and chance.maybe(0.3) and state["counts"] is not None:  # as older ones, which torch does not pickle
        state["counts"] = state["counts"].view(torch.uint16)
    if way == 0:
        state = pickle.loads(pickle.dumps(state))
    elif way == 1:
        file = io.BytesIO()
        torch.save(state, file)
        file.seek(0)
        state = torch.load(file, weights_only=True)
    fits = {name: keeps and chance.maybe(0.7) for name, keeps in kept.items()}
    other = CoverageTracker(items, **fits)
    judged(True, other.load_state_dict, state)
    buffers: list[Any] = []
    raw = pickle.dumps(watched, protocol=5, buffer_callback=buffers.append)
    again = attempt(pickle.loads, raw, buffers=[bytes(buffer.raw()) for buffer in buffers])
    for read in (other, again):
        same(read.unseen_items(), watched.unseen_items(), "unseen items")
        must(read.draws == watched.draws, "draws", read.draws)
        attempt(read.update, np.arange(items))
        must(read.unique == items, "not all are marked")
    if fits["counts"]:
        same(other.counts, watched.counts + 1, "counts")


def audit(chance: Chance) -> None:
    table = AliasTable(np.append(plain_weights(chance, chance.randint(0, 9)), 1.0))
    draws, epochs = number(chance, 1, 2**50, (1, 20), wild=0.05), number(chance, 0, 2**48 - 1, (0, 5), wild=0.05)
    position = number(chance, 0, max(1, draws.meaning) if isinstance(draws.meaning, int) else 1, wild=0.05)
    fine = all(isinstance(each.meaning, int) and each.valid for each in (draws, epochs, position))
    if fine and draws.meaning * epochs.meaning + position.meaning > 10**5:
        return  # it would take for ever
    if not fine and any(each.meaning is not None and each.meaning > 10**4 for each in (draws, epochs, position)):
        return
    source: Any = table
    arguments: dict[str, Any] = {
        "seed": 1,
        "epochs": epochs.value,
        "position": position.value,
        "num_samples": draws.value,
    }
    if chance.maybe(0.4) and fine:
        source = WeightedRandomSampler(table, draws.meaning, seed=1)
        arguments = {"epochs": epochs.value, "position": position.value}
    found = attempt(pysampler.audit_coverage, source, **arguments)
    if not fine:
        return
    drawn = [table.draw(draws.meaning, seed=1, epoch=epoch) for epoch in range(epochs.meaning)]
    drawn.append(table.draw(position.meaning, seed=1, epoch=epochs.meaning))
    must(found.unique == len(torch.cat(drawn).unique()), "unique items of an audit", found)
    where = indices(chance, len(table), wild=0.3)
    sightings = judged(where.valid, pysampler.positions_of, where.value, source, **arguments)
    if where.meaning is not None and len(where.meaning) and isinstance(sightings, dict):
        item = int(where.meaning[0])
        expected = [[e, p] for e, each in enumerate(drawn) for p, other in enumerate(each.tolist()) if other == item]
        must(sightings[item].tolist() == expected, "when an item was drawn", sightings[item], expected)


ALL = (class_weights, targets, read_labels, repeats, forecast, simulate, tracker, states_of_trackers, audit)
