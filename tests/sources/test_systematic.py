"""Systematic draws: against an oracle in Python's integers, and every promise about counts as an invariant."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import oracle
import pytest
import systematic_oracle as slow
import torch
from families import FAMILIES, hashed_integers
from hypothesis import given
from hypothesis import strategies as st

from pysampler import AliasTable, SystematicTable, _core

SEEDS = st.integers(0, 2**64 - 1)
EPOCHS = st.one_of(st.integers(0, 30), st.integers(0, 2**48 - 200))
LABELS = ["a", "b", "c", "d", "a"] * 200
LABELLED = SystematicTable(hashed_integers(1000), LABELS)
FROZEN_FINGERPRINT = "c0e9892fa08f0198b0dd0c717bbb2692"
FROZEN_DRAWS = [0, 6, 4, 6, 4, 6, 2, 4, 5, 5, 6, 3, 4, 1, 5, 5, 3, 6, 3, 2]
FROZEN_BATCHES = [6, 5, 3, 4, 5, 3, 4, 6, 4, 4, 0, 1, 1, 2, 6, 2, 3, 5, 6, 6]
FROZEN_LARGE = [31396, 69666, 30576, 22839, 30320, 10648, 5781, 53714]
FROZEN_LARGE_BATCHES = [41918, 12087, 46338, 38066, 56002, 14327, 40344, 45010]

WEIGHTS = st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 1e6)), min_size=1, max_size=40).filter(any)


def masses_of(table: SystematicTable) -> list[int]:
    masses = np.empty(len(table), dtype=np.uint64)
    table._core.masses_into(masses.ctypes.data)
    return [int(mass) for mass in masses]


def counts(table: SystematicTable, draws: int, seed: int, epoch: int, **more: Any) -> list[int]:
    drawn = table.draw(draws, seed=seed, epoch=epoch, draws=draws, **more)
    found: list[int] = drawn.bincount(minlength=len(table)).tolist()
    return found


def with_masses(masses: list[int], labels: list[int] | None = None) -> SystematicTable:
    """A table of exactly these masses."""
    rebuild, _ = SystematicTable([1.0]).__reduce__()
    codes = None if labels is None else np.array(labels)
    classes = None if labels is None else tuple(range(max(labels) + 1))
    table = rebuild(np.array(masses, dtype=np.uint64), codes, classes)
    assert isinstance(table, SystematicTable)
    return table


# ---- the construction ---------------------------------------------------------------------------


@given(weights=WEIGHTS, draws=st.integers(1, 300), seed=SEEDS, epoch=EPOCHS)
def test_draws_are_those_of_the_oracle(weights: list[float], draws: int, seed: int, epoch: int) -> None:
    table = SystematicTable(weights)
    expected = slow.draws(slow.Items(masses_of(table)), draws, seed, epoch)
    assert table.draw(draws, seed=seed, epoch=epoch, draws=draws).tolist() == expected


@given(
    masses=st.lists(st.one_of(st.just(0), st.integers(0, 2**58), st.integers(0, 3)), min_size=1, max_size=60),
    draws=st.integers(1, 100),
    seed=SEEDS,
)
def test_draws_from_any_integer_masses_are_those_of_the_oracle(masses: list[int], draws: int, seed: int) -> None:
    if sum(masses) == 0:
        return
    expected = slow.draws(slow.Items(masses), draws, seed, 1)
    assert with_masses(masses).draw(draws, seed=seed, epoch=1, draws=draws).tolist() == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_draws_from_every_family_of_weights_are_those_of_the_oracle(family: str) -> None:
    table = SystematicTable(FAMILIES[family](3001))
    items = slow.Items(masses_of(table))
    for draws in (1, 170, 5000):  # 5000: the order is scrambled with fewer rounds
        assert table.draw(draws, seed=4, epoch=7, draws=draws).tolist() == slow.draws(items, draws, 4, 7)


@given(
    total_bits=st.integers(0, 63),
    draws=st.one_of(st.integers(1, 1000), st.integers(1, 2**54), st.integers(2**54 - 5, 2**54)),
    data=st.data(),
)
def test_huge_epochs_are_exact_at_every_position(total_bits: int, draws: int, data: st.DataObject) -> None:
    total = data.draw(st.integers(2**total_bits, 2 ** (total_bits + 1) - 1))
    seed, position = data.draw(SEEDS), data.draw(st.integers(0, draws - 1))
    cut = data.draw(st.integers(0, total))
    table = with_masses([cut, total - cut])
    point = slow.Permutation(seed, 5, 0, draws)(position)
    unit = (point * total + slow.offset(seed, 5) * total // 2**64) // draws
    assert table.draw(1, seed=seed, epoch=5, start=position, draws=draws).item() == (unit >= cut)


def test_masses_are_those_of_the_alias_table() -> None:
    for family in FAMILIES:
        alias = AliasTable(FAMILIES[family](777))
        assert masses_of(SystematicTable(alias)) == oracle.masses(alias).tolist()
        assert masses_of(SystematicTable(FAMILIES[family](777))) == oracle.masses(alias).tolist()
        assert torch.equal(SystematicTable(alias).probabilities(), alias.probabilities())


def test_positions_beyond_the_epoch_are_independent_draws_by_mass() -> None:
    table = SystematicTable(hashed_integers(300))
    items = slow.Items(masses_of(table))
    passed = table.epoch(9, 4, 100)
    source = _core.PositionSource(passed, 97, 2, 20, 100)
    found = list(_core.IndexIterator(lambda: source))
    assert found[:2] == slow.draws(items, 100, 9, 4)[97::2]
    assert found[2:] == slow.padding(items, 9, 4, range(101, 137, 2))


def test_draws_are_frozen() -> None:
    table = SystematicTable([1, 2, 3, 4, 5, 6, 7, 0, 0.5, 1e-12], list("ababababab"))
    assert table.fingerprint == FROZEN_FINGERPRINT
    assert table.draw(20, seed=2024, epoch=3, draws=20).tolist() == FROZEN_DRAWS
    assert table.draw(20, seed=2024, epoch=3, draws=22, global_batch_size=4).tolist() == FROZEN_BATCHES
    large = SystematicTable(hashed_integers(70001), np.arange(70001) % 7)
    assert large.draw(8, seed=-1, epoch=2**48 - 1, start=3, step=8001).tolist() == FROZEN_LARGE
    assert large.draw(8, seed=-1, start=3, step=8001, global_batch_size=300).tolist() == FROZEN_LARGE_BATCHES


# ---- addressing ---------------------------------------------------------------------------------


@given(
    draws=st.integers(1, 5000),
    batch=st.one_of(st.none(), st.integers(1, 700)),
    cuts=st.lists(st.floats(0, 1)),
    step=st.integers(1, 50),
)
def test_any_split_of_the_positions_gives_the_whole(
    draws: int, batch: int | None, cuts: list[float], step: int
) -> None:
    if batch is not None and batch > draws:
        return
    settings = {"seed": 3, "epoch": 2, "draws": draws, "global_batch_size": batch}
    whole = LABELLED.draw(draws, **settings)
    places = sorted({0, draws, *(int(cut * draws) for cut in cuts)})
    parts = [LABELLED.draw(end - begin, start=begin, **settings) for begin, end in pairwise(places)]
    assert torch.equal(torch.cat(parts), whole)
    for rank in range(min(step, draws)):
        count = len(range(rank, draws, step))
        assert torch.equal(LABELLED.draw(count, start=rank, step=step, **settings), whole[rank::step])


@pytest.mark.parametrize("batch", [None, 1, 64, 1000, 99_999])
def test_threads_do_not_change_a_bit(threads: int, batch: int | None) -> None:
    found = LABELLED.draw(200_001, seed=8, draws=200_001, global_batch_size=batch)
    torch.set_num_threads(1)
    assert torch.equal(found, LABELLED.draw(200_001, seed=8, draws=200_001, global_batch_size=batch))


def test_out_is_written_to() -> None:
    out = torch.full((5,), -1)
    assert LABELLED.draw(5, seed=1, out=out) is out
    assert torch.equal(out, LABELLED.draw(5, seed=1))
    assert LABELLED.draw(0, seed=1).shape == (0,)


# ---- promises about counts ----------------------------------------------------------------------


@given(weights=WEIGHTS, draws=st.integers(1, 400), seed=SEEDS, epoch=EPOCHS)
def test_every_item_comes_floor_or_ceil_of_its_share_each_epoch(
    weights: list[float], draws: int, seed: int, epoch: int
) -> None:
    table = SystematicTable(weights)
    masses = masses_of(table)
    for count, mass in zip(counts(table, draws, seed, epoch), masses, strict=True):
        assert draws * mass // sum(masses) <= count <= -(-draws * mass // sum(masses))


@given(weights=WEIGHTS, draws=st.integers(1, 60), seed=SEEDS, first=EPOCHS, epochs=st.integers(1, 150))
def test_counts_over_epochs_stray_by_zeckendorf_terms_at_most(
    weights: list[float], draws: int, seed: int, first: int, epochs: int
) -> None:
    table = SystematicTable(weights)
    masses = masses_of(table)
    sums = [0] * len(table)
    for done in range(1, epochs + 1):
        for item, count in enumerate(counts(table, draws, seed, first + done - 1)):
            sums[item] += count
        allowed = Fraction(145, 100) * slow.zeckendorf_terms(done)
        for found, mass in zip(sums, masses, strict=True):
            assert abs(found - Fraction(done * draws * mass, sum(masses))) < allowed


@pytest.mark.parametrize("seed", range(4))
def test_long_runs_stray_like_a_logarithm(seed: int) -> None:
    """The arithmetic of the draws alone, over 4,000 epochs of one draw, for a set of intervals."""
    generator = np.random.default_rng(seed)
    ends = generator.random((50, 2))
    ends.sort(axis=1)
    place = np.array([slow.offset(seed, epoch) / 2**64 for epoch in range(4000)])
    inside = (place[:, None] >= ends[:, 0]) & (place[:, None] < ends[:, 1])
    strays = np.abs(np.cumsum(inside, axis=0) - np.arange(1, 4001)[:, None] * (ends[:, 1] - ends[:, 0]))
    terms = np.array([slow.zeckendorf_terms(epochs) for epochs in range(1, 4001)])
    assert (strays < 1.45 * terms[:, None] + 1e-9).all()
    assert (terms <= 1 + 1.04 * np.log(np.arange(1, 4001)) + 1e-9).all()


@given(weights=WEIGHTS, draws=st.integers(1, 60), seed=SEEDS, first=EPOCHS)
def test_every_positive_item_comes_in_any_run_of_epochs_of_the_promised_length(
    weights: list[float], draws: int, seed: int, first: int
) -> None:
    table = SystematicTable([max(weight, 0.01 * max(weights)) if weight else 0 for weight in weights])
    masses = masses_of(table)
    promised = [math.ceil(Fraction(18945, 10000) * sum(masses) / (draws * mass)) if mass else None for mass in masses]
    longest = max(length for length in promised if length is not None)
    last_seen = dict.fromkeys(range(len(masses)), -1)
    for epoch in range(min(longest + 40, 400)):
        for item, count in enumerate(counts(table, draws, seed, first + epoch)):
            if count:
                assert promised[item] is not None
                last_seen[item] = epoch
            elif promised[item] is not None:
                assert epoch - last_seen[item] < promised[item], f"item {item} was missed for too long"


def test_no_smaller_constant_than_the_three_gap_one_will_do() -> None:
    """The largest gap of n golden rotations, times n, comes as near to 1 + 2 / sqrt 5 as one likes."""
    worst = 0.0
    for epochs in [*range(1, 100), 232, 376, 609, 986, 1596, 2583]:
        places = np.sort(np.array([epoch * slow.GOLDEN_STEP % 2**64 for epoch in range(epochs)], dtype=np.float64))
        gaps = np.diff(places, append=places[0] + 2.0**64) / 2.0**64
        worst = max(worst, epochs * float(gaps.max()))
    assert 1.893 < worst < 1.8945


def test_the_articles_170_images_are_all_seen_after_three_epochs() -> None:
    labels = [0] * 160 + [1] * 10
    table = SystematicTable([1 / 160] * 160 + [1 / 10] * 10, labels)
    for seed in range(500):
        for batch in (None, 10):
            drawn = [table.draw(170, seed=seed, epoch=epoch, global_batch_size=batch) for epoch in range(3)]
            assert len(torch.cat(drawn).unique()) == 170
            assert all(int((epoch >= 160).sum()) == 85 for epoch in drawn)


def test_independent_draws_would_not_pass_these_tests() -> None:
    table = AliasTable([1 / 160] * 160 + [1 / 10] * 10)
    drawn = table.draw(170, seed=0).bincount(minlength=170)
    assert not ((drawn <= 1) | (torch.arange(170) >= 160)).all()
    assert len(table.draw(3 * 170, seed=0).unique()) < 170


@pytest.mark.parametrize("batch", [None, 6])
def test_every_position_follows_the_probabilities_over_the_seeds(batch: int | None) -> None:
    """Chi-square at alpha 1e-6: 3 cells have 2 degrees of freedom, so exp(-x / 2) = 1e-6 at x = 27.6."""
    table = SystematicTable([1.0, 2.0, 5.0], [0, 1, 1])
    keys = 4000
    drawn = torch.stack([table.draw(20, seed=seed, draws=20, global_batch_size=batch) for seed in range(keys)])
    expected = keys * table.probabilities()
    for position in (0, 7, 19):
        found = drawn[:, position].bincount(minlength=3)
        assert float(((found - expected) ** 2 / expected).sum()) < 27.6
    biased = SystematicTable([1.3, 2.0, 5.0]).probabilities() * keys
    found = drawn[:, 0].bincount(minlength=3)
    assert float(((found - biased) ** 2 / biased).sum()) > 27.6


# ---- the table as an object ---------------------------------------------------------------------


def test_a_table_knows_its_length_classes_and_size() -> None:
    assert len(LABELLED) == 1000
    assert LABELLED.classes == ("a", "b", "c", "d")
    assert SystematicTable([1.0]).classes is None
    assert repr(LABELLED) == "SystematicTable(1000 items, 4 classes)"
    assert 16_000 <= LABELLED.nbytes < 16_200
    assert 12_000 <= SystematicTable(torch.ones(1000)).nbytes < 12_100
    assert 12_000 <= SystematicTable(torch.ones(1000), [0] * 500 + [1] * 500).nbytes < 12_100


def test_fingerprints_tell_masses_and_classes_apart() -> None:
    tables = [
        SystematicTable([1, 2, 3, 2]),
        SystematicTable([2, 1, 3, 2]),
        SystematicTable([1, 2, 3, 2], [0, 0, 1, 1]),
        SystematicTable([1, 2, 3, 2], [0, 1, 1, 1]),
        SystematicTable([1, 2, 3, 2], [0, 1, 0, 1]),
        SystematicTable([2, 1, 3, 2], [1, 0, 0, 1]),
        SystematicTable([1, 2, 3, 2, 0]),
        SystematicTable([1, 2, 3, 2], [0, 0, 2, 2]),
    ]
    assert len({table.fingerprint for table in tables}) == len(tables)
    assert SystematicTable([1, 2, 3, 2]).fingerprint == tables[0].fingerprint
    assert all(len(table.fingerprint) == 32 for table in tables)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_table_draws_the_same(protocol: int) -> None:
    for table in (LABELLED, SystematicTable(hashed_integers(100)), SystematicTable([0, 1, 1], [2, 0, 0])):
        again = pickle.loads(pickle.dumps(table, protocol))
        assert again.fingerprint == table.fingerprint
        assert again.classes == table.classes
        assert torch.equal(again.draw(len(table), seed=5), table.draw(len(table), seed=5))


@pytest.mark.parametrize("masses", [[0, 0], [2**63, 2**63], [2**64 - 1, 1], []])
def test_a_damaged_pickle_of_a_table_is_an_error(masses: list[int]) -> None:
    with pytest.raises(ValueError, match=r"masses must add up|between 1 and"):
        with_masses(masses)
    with pytest.raises(ValueError, match=r"labels must be in \[0, 2\), but labels\[1\] is -1"):
        with_masses([1, 1, 1], [1, -1, 0])


def test_other_weights_keep_the_classes() -> None:
    again = LABELLED.with_weights(torch.ones(1000))
    assert again.fingerprint == SystematicTable(torch.ones(1000), LABELS).fingerprint
    with pytest.raises(ValueError, match="there are 3 for 1000 labels"):
        LABELLED.with_weights([1, 2, 3])


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": 11}, ValueError, r"positions must lie within the epoch of draws=10, .* lead to 10 for 11 draws"),
        ({"n": 2, "start": 9, "step": 1}, ValueError, "lead to 10 for 2 draws"),
        ({"n": 2, "start": 0, "step": 2**64 - 1}, ValueError, "positions must lie within"),
        ({"n": -1}, ValueError, "n must be"),
        ({"n": 1.5}, TypeError, "n must be an integer"),
        ({"n": 1, "draws": 0}, ValueError, "draws must be"),
        ({"n": 1, "draws": 2**54 + 1}, ValueError, "draws must be"),
        ({"n": 1, "draws": True}, TypeError, "draws must be an integer"),
        ({"n": 1, "global_batch_size": 11}, ValueError, "global_batch_size=11, draws=10"),
        ({"n": 1, "global_batch_size": 0}, ValueError, "global_batch_size must be in"),
        ({"n": 1, "global_batch_size": 2.0}, TypeError, "global_batch_size must be an integer"),
        ({"n": 1, "draws": 2**30, "global_batch_size": 2**24 + 1}, ValueError, "global_batch_size must be in"),
        ({"n": 1, "seed": 2**64}, ValueError, "seed must be"),
        ({"n": 1, "seed": None}, TypeError, "seed must be"),
        ({"n": 1, "epoch": 2**48}, ValueError, "epoch must be"),
        ({"n": 1, "step": 0}, ValueError, "step must be"),
        ({"n": 1, "start": -1}, ValueError, "start must be"),
        ({"n": 1, "out": torch.empty(2, dtype=torch.int64)}, ValueError, "out must be"),
        ({"n": 1, "out": [0]}, TypeError, "out must be"),
    ],
)
def test_bad_arguments_of_draws_are_named(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    table = SystematicTable(torch.ones(10), [0, 1] * 5)
    with pytest.raises(error, match=message):
        table.draw(**{"seed": 0, **arguments})


@pytest.mark.parametrize(
    ("weights", "labels", "message"),
    [
        ([1, 2, 3], [0, 1], "there are 2 for 3 weights"),
        ([1, 2, 3], [[1, 1], [0, 1], [1, 0]], r"exactly one label here, but item 0 has 2 \(1 of 3"),
        ([1, 2, 3], [0, -1, 1], r"labels\[1\] is -1"),
        ([0, 0], None, "positive sum"),
        ([1, -1], [0, 1], r"weights\[1\] is -1"),
        ([], None, "empty"),
    ],
)
def test_bad_weights_and_labels_are_named(weights: Any, labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SystematicTable(weights, labels)


@pytest.mark.parametrize(("start", "step", "count"), [(10, 1, 1), (0, 1, 11), (1, 3, 4), (0, 0, 2), (2**64 - 1, 1, 1)])
def test_the_core_refuses_positions_beyond_the_epoch(start: int, step: int, count: int) -> None:
    passed = _core.SystematicDraws(LABELLED._core, 0, 0, 10, 3)
    out = torch.empty(20, dtype=torch.int64)
    with pytest.raises(ValueError, match="within the epoch"):
        passed.draw_into(out.data_ptr(), count, start, step)
    with pytest.raises(ValueError, match="within the epoch"):
        passed.draw_into(out.data_ptr(), count, start, step, 2)


@pytest.mark.parametrize(("draws", "batch"), [(0, 0), (2**54 + 1, 0), (10, 11), (2**30, 2**24 + 1)])
def test_the_core_refuses_epochs_that_cannot_be(draws: int, batch: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        _core.SystematicDraws(LABELLED._core, 0, 0, draws, batch)
    with pytest.raises(TypeError):
        _core.SystematicDraws(None, 0, 0, 10, 0)  # type: ignore[arg-type]


def test_batches_need_labels() -> None:
    with pytest.raises(ValueError, match="give strata="):
        SystematicTable([1, 2, 3]).draw(1, seed=0, global_batch_size=2)
