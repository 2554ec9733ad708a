"""WeightedRandomSampler: torch's class to whoever uses it, drawing what its table draws."""

from __future__ import annotations

import inspect
import itertools
import resource
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data
from families import hashed_integers
from processes import in_child

from pysampler import AliasTable, WeightedRandomSampler

WEIGHTS = hashed_integers(500) + 1
TABLE = AliasTable(WEIGHTS)
both_modes = pytest.mark.parametrize("replacement", [True, False])


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def key_of(generator: torch.Generator | None) -> int:
    """The 64 bits that a pass takes from a generator."""
    return int(torch.empty((), dtype=torch.int64).random_(-(2**63), None, generator=generator).item())


# ---- a drop-in ----------------------------------------------------------------------------------


def test_it_is_an_instance_of_torchs_class() -> None:
    sampler = WeightedRandomSampler(WEIGHTS, 10)
    assert isinstance(sampler, torch.utils.data.WeightedRandomSampler)
    assert isinstance(sampler, torch.utils.data.Sampler)


def test_its_arguments_begin_with_torchs_by_name_and_place() -> None:
    ours = list(inspect.signature(WeightedRandomSampler.__init__).parameters.values())
    theirs = list(inspect.signature(torch.utils.data.WeightedRandomSampler.__init__).parameters.values())
    assert [parameter.name for parameter in ours[: len(theirs)]] == [parameter.name for parameter in theirs]
    assert all(parameter.kind == parameter.KEYWORD_ONLY for parameter in ours[len(theirs) :])
    generator = seeded()
    sampler = WeightedRandomSampler(WEIGHTS, 10, False, generator)
    assert (sampler.num_samples, sampler.replacement, sampler.generator) == (10, False, generator)


def test_num_samples_is_the_number_of_items_unless_given() -> None:
    assert len(WeightedRandomSampler(WEIGHTS)) == len(list(WeightedRandomSampler(WEIGHTS))) == 500
    assert len(WeightedRandomSampler(TABLE)) == 500
    assert len(WeightedRandomSampler(WEIGHTS, None, False)) == 500
    assert len(WeightedRandomSampler(WEIGHTS, 7)) == len(list(WeightedRandomSampler(WEIGHTS, 7))) == 7
    assert len(WeightedRandomSampler(WEIGHTS, 2000)) == len(list(WeightedRandomSampler(WEIGHTS, 2000))) == 2000


@both_modes
def test_indices_are_python_ints(replacement: bool) -> None:
    indices = list(WeightedRandomSampler(WEIGHTS, 400, replacement))
    assert {type(index) for index in indices} == {int}
    assert all(0 <= index < 500 for index in indices)


# ---- where the randomness comes from ------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 5, -1, 2**64 - 1, -(2**63)])
@pytest.mark.parametrize("count", [1, 255, 256, 257, 4096, 10_001])
def test_with_a_seed_it_draws_what_the_table_draws(seed: int, count: int) -> None:
    sampler = WeightedRandomSampler(WEIGHTS, count, seed=seed)
    assert sampler.seed == seed % 2**64
    for epoch in range(3):
        assert list(sampler) == TABLE.draw(count, seed=seed, epoch=epoch).tolist()


def test_with_a_generator_each_pass_takes_one_key_at_its_first_next() -> None:
    sampler, generator = WeightedRandomSampler(WEIGHTS, 300, generator=seeded()), seeded()
    for _ in range(3):
        iterator = iter(sampler)
        iter(sampler)
        assert torch.equal(sampler.generator.get_state(), generator.get_state())  # nothing taken yet
        first = next(iterator)
        key = key_of(generator)
        assert torch.equal(sampler.generator.get_state(), generator.get_state())
        assert [first, *iterator] == TABLE.draw(300, seed=key).tolist()
        assert torch.equal(sampler.generator.get_state(), generator.get_state())


@both_modes
def test_manual_seed_makes_passes_reproducible(replacement: bool) -> None:
    torch.manual_seed(4)
    before = torch.get_rng_state()
    sampler = WeightedRandomSampler(WEIGHTS, 300, replacement)
    iter(sampler)
    assert torch.equal(torch.get_rng_state(), before)
    first, second = list(sampler), list(sampler)
    torch.manual_seed(4)
    assert list(WeightedRandomSampler(WEIGHTS, 300, replacement)) == first
    assert first != second
    torch.manual_seed(4)
    keys = [key_of(None), key_of(None)]
    if replacement:
        assert first == TABLE.draw(300, seed=keys[0]).tolist()
        assert second == TABLE.draw(300, seed=keys[1]).tolist()  # a key of its own: the pass before counts for nothing


@both_modes
def test_with_seed_or_generator_the_global_random_state_is_left_alone(replacement: bool) -> None:
    before = torch.get_rng_state()
    list(WeightedRandomSampler(WEIGHTS, 300, replacement, seed=1))
    list(WeightedRandomSampler(WEIGHTS, 300, replacement, seeded()))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_generator_may_be_set_at_any_time() -> None:
    """Accelerate assigns one to samplers that have none."""
    sampler = WeightedRandomSampler(WEIGHTS, 300)
    iterator = iter(sampler)
    sampler.generator = seeded()
    assert list(iterator) == list(WeightedRandomSampler(WEIGHTS, 300, generator=seeded()))
    sampler.generator = None
    torch.manual_seed(9)
    third = list(sampler)
    torch.manual_seed(9)
    assert third == TABLE.draw(300, seed=key_of(None)).tolist()


# ---- weights ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.int64, torch.uint8, torch.bool])
def test_weights_are_kept_as_a_copy_of_the_callers_dtype(dtype: torch.dtype) -> None:
    weights = torch.tensor([1, 0, 1, 1]).to(dtype)
    sampler = WeightedRandomSampler(weights, 100, seed=1)
    assert sampler.weights.dtype == dtype
    assert sampler.weights.tolist() == weights.tolist()
    assert sampler.weights.data_ptr() != weights.data_ptr()
    weights.zero_()
    assert set(sampler) == {0, 2, 3}


def test_weights_edited_in_place_count_from_the_next_pass() -> None:
    sampler = WeightedRandomSampler(torch.ones(4), 200, seed=1)
    running = iter(sampler)
    first = next(running)
    sampler.weights[3] = 0
    assert [first, *running] == AliasTable(torch.ones(4)).draw(200, seed=1).tolist()
    assert set(sampler) == {0, 1, 2}
    sampler.weights.mul_(torch.tensor([0, 1, 1, 1]))
    assert set(sampler) == {1, 2}
    sampler.weights[2:].zero_()
    assert set(sampler) == {1}
    assert sampler.table.fingerprint == AliasTable([0.0, 1, 0, 0]).fingerprint


def test_weights_may_be_assigned() -> None:
    sampler = WeightedRandomSampler(torch.ones(4), 200, seed=1)
    running = iter(sampler)
    first = next(running)
    replacing = torch.tensor([0.0, 0, 1, 0, 0])
    with pytest.warns(UserWarning, match="weights for 4 items, and now are for 5"):
        sampler.weights = replacing
    assert [first, *running] == AliasTable(torch.ones(4)).draw(200, seed=1).tolist()
    assert set(sampler) == {2}
    replacing.fill_(1)  # the sampler has its own copy
    assert set(sampler) == {2}
    with pytest.warns(UserWarning, match="weights for 5 items, and now are for 2"):
        sampler.weights = AliasTable([1.0, 0.0])
    assert set(sampler) == {0}
    sampler.weights = [0, 3]
    assert set(sampler) == {1}
    assert len(sampler) == 200


def test_unchanged_weights_are_not_built_again() -> None:
    sampler = WeightedRandomSampler(torch.ones(4), 200, seed=1)
    table = sampler.table
    list(sampler)
    assert sampler.weights.sum() == 4
    assert sampler.table is table


@both_modes
def test_weights_spoilt_in_place_are_an_error_until_they_are_mended(replacement: bool) -> None:
    sampler = WeightedRandomSampler(torch.ones(4), 2, replacement, seeded())
    sampler.weights[2] = -1
    before = sampler.generator.get_state()
    for _ in range(2):
        with pytest.raises(ValueError, match=r"weights\[2\] is -1\.0"):
            list(sampler)
    sampler.weights[1:] = 0
    if not replacement:
        with pytest.raises(ValueError, match=r"num_samples=2.*there are 1"):
            list(sampler)
    assert torch.equal(sampler.generator.get_state(), before)  # passes that did not begin took nothing
    sampler.weights.fill_(1)
    expected = WeightedRandomSampler(torch.ones(4), 2, replacement, seeded())
    assert list(sampler) == list(expected)


def test_a_refused_assignment_changes_nothing() -> None:
    sampler = WeightedRandomSampler(torch.ones(4), 4, False, seed=1)
    for bad in ([-1.0], [1.0, 1.0], torch.ones(2, 2)):
        with pytest.raises(ValueError, match="weights"):
            sampler.weights = bad
    assert sampler.weights.tolist() == [1, 1, 1, 1]
    assert sorted(sampler) == [0, 1, 2, 3]


def test_a_ready_table_is_shared() -> None:
    sampler = WeightedRandomSampler(TABLE, 300, seed=2)
    assert sampler.table is TABLE
    assert list(sampler) == TABLE.draw(300, seed=2).tolist()
    assert torch.equal(sampler.weights, TABLE.probabilities())
    sampler.weights[0] = 0  # as documented, of no effect
    assert sampler.table is TABLE
    assert len(set(WeightedRandomSampler(TABLE, 400, False, seed=2))) == 400


# ---- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_samples", [0, -1, True, False, 2.0, "5", [5], torch.tensor([5, 6]), 2**63, np.nan])
def test_num_samples_that_is_no_positive_integer_is_an_error_in_torchs_words(num_samples: Any) -> None:
    with pytest.raises(ValueError, match="num_samples should be a positive integer value, but got num_samples="):
        WeightedRandomSampler(WEIGHTS, num_samples)


@pytest.mark.parametrize("replacement", [None, 1, 0, "yes"])
def test_replacement_that_is_no_bool_is_an_error_in_torchs_words(replacement: Any) -> None:
    with pytest.raises(ValueError, match="replacement should be a boolean value, but got replacement="):
        WeightedRandomSampler(WEIGHTS, 5, replacement)


def test_seed_and_generator_together_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"seed.*generator.*not both"):
        WeightedRandomSampler(WEIGHTS, 5, generator=seeded(), seed=1)


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1, 1.0, True, "1"])
def test_a_seed_out_of_range_or_of_another_type_is_an_error(seed: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=f"seed={seed!r}"):
        WeightedRandomSampler(WEIGHTS, 5, seed=seed)


def test_an_unknown_method_is_an_error() -> None:
    with pytest.raises(ValueError, match="method='antithetic'"):
        WeightedRandomSampler(WEIGHTS, 5, method="antithetic")


def test_a_generator_that_is_none_is_a_type_error() -> None:
    generator: Any = np.random.default_rng(1)
    with pytest.raises(TypeError, match=r"generator must be a torch\.Generator"):
        list(WeightedRandomSampler(WEIGHTS, 5, generator=generator))


def test_a_default_device_is_ignored() -> None:
    def draw() -> list[list[int]]:
        torch.set_default_device("meta")
        return [list(WeightedRandomSampler(WEIGHTS.tolist(), 300, mode, seed=6)) for mode in (True, False)]

    assert in_child(draw) == [list(WeightedRandomSampler(WEIGHTS, 300, mode, seed=6)) for mode in (True, False)]


def test_an_epoch_is_never_materialised() -> None:
    """torch's sampler holds a list of all indices: 36 bytes each (pytorch #50201)."""

    def growth_in_kilobytes() -> int:
        sampler = WeightedRandomSampler(TABLE, 10**8, seed=6)
        assert list(itertools.islice(sampler, 1000)) == TABLE.draw(1000, seed=6).tolist()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert len(list(itertools.islice(sampler, 1000))) == 1000
        assert sum(1 for _ in itertools.islice(sampler, 1_000_000)) == 1_000_000
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert in_child(growth_in_kilobytes) < 8000


def test_weights_resized_in_place_are_noticed_as_assigned_ones_are() -> None:
    sampler = WeightedRandomSampler([1.0, 2.0, 3.0], 4, seed=0)
    list(sampler)
    sampler.weights.resize_(2)
    with pytest.warns(UserWarning, match="weights for 3 items, and now are for 2"):
        list(sampler)
