"""PrioritizedReplay: the law, the ring, importance weights, states."""

from __future__ import annotations

import copy
import io
import pickle
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from chi_square import ALPHA, p_value
from hypothesis import given, settings
from hypothesis import strategies as st

from pysampler.replay import Priorities, PrioritizedReplay

Step = namedtuple("Step", "state action reward")


def filled(capacity: int = 20, items: int = 20, **kwargs: Any) -> PrioritizedReplay:
    replay = PrioritizedReplay(capacity, seed=3, **kwargs)
    replay.extend(torch.arange(items), torch.arange(1.0, items + 1))
    return replay


@pytest.mark.parametrize("stratified", [False, True])
def test_items_are_drawn_in_proportion_to_the_power_of_their_priorities(stratified: bool) -> None:
    replay = filled(alpha=0.7, eps=0.5, stratified=stratified)
    counts = np.zeros(20)
    for _ in range(400):
        counts += torch.bincount(replay.sample(250).items, minlength=20).numpy()
    law = (np.arange(1, 21) + 0.5) ** 0.7
    assert p_value(counts, law / law.sum()) > ALPHA
    law[10] *= 1.2
    assert p_value(counts, law / law.sum()) < ALPHA


def test_importance_weights_are_those_of_the_paper() -> None:
    replay = filled(alpha=0.7, beta=0.4, eps=0.0)
    batch = replay.sample(50)
    law = torch.arange(1.0, 21.0).double() ** 0.7
    expected = (20 * law / law.sum())[batch.items] ** -0.4
    assert torch.allclose(batch.weights.double(), expected / expected.max(), rtol=1e-5)
    assert batch.weights.max() == 1
    full = replay.sample(50, beta=1.0)
    assert torch.allclose(
        full.weights * law[full.items].float(), (full.weights * law[full.items].float())[:1], rtol=1e-5
    )
    assert (replay.sample(50, beta=0).weights == 1).all()


def test_weighted_means_are_those_of_uniform_draws_when_beta_is_one() -> None:
    """The correction makes sums over a prioritised batch unbiased, up to the common factor."""
    replay = filled(alpha=1.0, beta=1.0, eps=0.0, stratified=False)
    priorities = torch.arange(1.0, 21.0).double()
    total = torch.zeros((), dtype=torch.float64)
    batches, size = 400, 250
    for _ in range(batches):
        batch = replay.sample(size)
        factor = float((1 / (20 * priorities / priorities.sum()))[batch.items].max())  # what the batch divided by
        total += (batch.weights.double() * factor * batch.items).sum()
    assert float(total / (batches * size)) == pytest.approx(9.5, rel=0.02)


@pytest.mark.parametrize("form", ["tensor", "number", "dict", "tuple", "namedtuple"])
def test_items_come_back_as_they_were_added_one_by_one_and_many_at_once(form: str) -> None:
    def item(number: Any) -> Any:
        if form == "number":
            return number
        value = torch.as_tensor(number)
        if form == "tensor":
            return value
        vector = torch.stack([value * 1.5, value + 0.25], -1)
        parts = {"state": vector, "action": value, "reward": value * 0.5}
        if form == "dict":
            return parts
        return tuple(parts.values()) if form == "tuple" else Step(**parts)

    def same(a: Any, b: Any) -> bool:
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(map(same, a.values(), b.values()))
        if isinstance(a, tuple):
            return type(a) is type(b) and all(map(same, a, b))
        return bool(torch.equal(a, torch.as_tensor(b)))

    single, many = PrioritizedReplay(30, seed=1), PrioritizedReplay(30, seed=1)
    assert [single.add(item(number)) for number in range(10)] == list(range(10))
    assert many.extend(item(torch.arange(10))).tolist() == list(range(10))
    for replay in (single, many):
        batch = replay.sample(12)
        assert same(batch.items, item(batch.keys))
    assert len(single) == len(many) == 10


def test_a_list_holds_objects_of_any_kind() -> None:
    storage: list[Any] = ["there", "before"]
    replay = PrioritizedReplay(4, storage=storage, seed=0)
    assert len(replay) == 2
    assert replay.add({"any": object}) == 2
    assert replay.extend(["a", "b", "c"]).tolist() == [3, 4, 5]
    assert storage == ["b", "c", {"any": object}, "a"]
    batch = replay.sample(100)
    assert set(batch.keys.tolist()) == {2, 3, 4, 5}
    assert batch.items == [storage[key % 4] for key in batch.keys.tolist()]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(0, 23), st.integers(0, 2**20)), min_size=1, max_size=25),
    st.booleans(),
    st.booleans(),
)
def test_ring_keys_and_priorities_equal_a_plain_oracle(
    capacity: int, steps: list[tuple[int, int]], as_list: bool, within: bool
) -> None:
    replay = PrioritizedReplay(
        capacity, alpha=1.0, eps=0.0, seed=0, storage=[] if as_list else None, within_buffer=within
    )
    items: dict[int, int] = {}  # key to item
    priorities: dict[int, float] = {}
    added, greatest = 0, None
    for count, seed in steps:
        rng = np.random.default_rng(seed)
        if seed % 3 == 0 or added == 0:
            given_ones = rng.integers(1, 100, count) if seed % 2 else None
            replay.extend(torch.arange(added, added + count) * 7, given_ones)
            if given_ones is None:
                standing = max(priorities.values(), default=None) if within else greatest
                values = [1.0 if standing is None else standing] * count
            else:
                values = [float(value) for value in given_ones]
            new = range(added, added + count)
            items.update({key: key * 7 for key in new})
            priorities.update(dict(zip(new, values, strict=True)))
            added += count
            values = values[-capacity:]  # those that never got in were never given
        else:
            keys, drawn = rng.integers(0, added, count), rng.integers(1, 100, count)
            replay.update(torch.from_numpy(keys), torch.from_numpy(drawn))
            values = []
            for key, value in zip(keys.tolist(), drawn.tolist(), strict=True):
                if key >= added - capacity:
                    priorities[key] = float(value)
                    values.append(float(value))
        greatest = max([*values, *([] if greatest is None else [greatest])], default=greatest)
        for gone in [key for key in items if key < added - capacity]:
            del items[gone], priorities[gone]
        assert len(replay) == len(items)
        found = replay.priorities.table.weights.tensor()
        assert found.tolist() == [
            priorities.get(next((key for key in items if key % capacity == slot), -1), 0.0) for slot in range(capacity)
        ]
        if not items:
            continue
        expected = max(priorities.values()) if within else greatest
        assert replay.priorities.greatest == (1.0 if expected is None else expected)
        assert replay.priorities.least_weight == min(priorities.values())
        batch = replay.sample(5)
        assert [int(item) for item in batch.items] == [items[key] for key in batch.keys.tolist()]


def test_updates_of_overwritten_items_do_not_reach_those_in_their_place() -> None:
    replay = filled(capacity=10, items=10, alpha=1.0, eps=0.0)
    batch = replay.sample(64)
    replay.extend(torch.arange(100, 105), torch.full((5,), 2.0))  # overwrites keys 0 to 4
    replay.update(batch.keys, torch.full((64,), 50.0))
    weights = replay.priorities.table.weights.tensor()
    assert weights[:5].tolist() == [2.0] * 5
    assert {*weights[5:].tolist()} <= {50.0, 6.0, 7.0, 8.0, 9.0, 10.0}
    replay.update([0, 1, 2], 9.0)
    assert torch.equal(replay.priorities.table.weights.tensor(), weights)


def test_of_a_key_that_comes_twice_the_last_priority_counts() -> None:
    replay = filled(alpha=1.0, eps=0.0)
    replay.update([4, 4, 4], torch.tensor([9.0, 700.0, 3.0]))
    assert replay.priorities.table.weights[[4]].item() == 3


def test_an_item_of_priority_zero_is_drawn_by_eps_alone() -> None:
    replay = filled(alpha=1.0, eps=0.0)
    replay.update(torch.arange(19), 0.0)
    assert (replay.sample(500).items == 19).all()
    with_eps = filled(alpha=1.0, eps=1e9)
    with_eps.update(torch.arange(19), 0.0)
    assert len(set(with_eps.sample(500).items.tolist())) == 20


def test_a_power_too_small_for_float32_is_still_drawn() -> None:
    priorities = Priorities(4, alpha=3.0, eps=0.0)
    priorities.set(torch.arange(4), np.array([1e-30, 0.0, 0.0, 0.0]))
    assert (priorities.draw(10, seed=0) == 0).all()


def test_slots_of_another_dtype_or_layout_and_beyond_the_last_are_refused() -> None:
    priorities = Priorities(4, alpha=1.0, eps=0.0)
    priorities.set(torch.arange(4), torch.arange(4.0))
    before = priorities.table.fingerprint
    for slots in (torch.arange(2, dtype=torch.int32), torch.arange(4)[::2], torch.zeros(2, 1, dtype=torch.int64)):
        with pytest.raises(TypeError, match="slots must be a contiguous 1-d tensor of int64"):
            priorities.set(slots, torch.ones(2))
        with pytest.raises(TypeError, match="slots must be a contiguous 1-d tensor of int64"):
            priorities.importance_weights(slots, 0.5)
    for slot in (-1, 4):
        with pytest.raises(ValueError, match="indices must lie in"):
            priorities.set(torch.tensor([0, slot]), torch.ones(2))
    assert priorities.table.fingerprint == before
    assert priorities[[0, 1, 2, 3]].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weights_are_the_rounded_powers_and_corrections_their_quotients(dtype: torch.dtype) -> None:
    rng = np.random.default_rng(0)
    given = torch.from_numpy(10.0 ** rng.uniform(-6, 6, 500)).to(dtype)
    priorities = Priorities(500, alpha=0.6, eps=1e-3, dtype=dtype)
    priorities.set(torch.arange(500), given)
    expected = (given.double() + 1e-3) ** 0.6
    step = torch.finfo(dtype).eps
    found = priorities.table.weights.tensor()
    assert (found.double() / expected - 1).abs().max() <= step
    assert priorities.least_weight == float(found.min())
    some = torch.from_numpy(rng.integers(0, 500, 40))
    for normalise, least in (("table", found.min()), ("batch", found[some].min())):
        corrections = priorities.importance_weights(some, 0.4, normalise)
        assert corrections.dtype is dtype
        assert (corrections.double() / (least.double() / found[some].double()) ** 0.4 - 1).abs().max() < 8 * step


def test_sums_stay_exact_through_a_hundred_thousand_updates() -> None:
    replay = filled(alpha=1.0, eps=0.0)
    rng = np.random.default_rng(0)
    for _ in range(1000):
        replay.update(rng.integers(0, 20, 100), 10.0 ** rng.uniform(-10, 10, 100))
    replay.update(torch.arange(20), torch.zeros(20))
    assert replay.priorities.table.total == 0
    with pytest.raises(RuntimeError, match="no slot has a positive priority"):
        replay.sample(1)


# Seeds and states.


def test_batches_depend_on_the_seed_and_their_number_alone() -> None:
    assert torch.equal(filled().sample(40).items, filled().sample(40).items)
    replay = filled()
    assert not torch.equal(replay.sample(40).items, replay.sample(40).items)
    torch.manual_seed(5)
    first = PrioritizedReplay(5)
    torch.manual_seed(5)
    second, third = PrioritizedReplay(5), PrioritizedReplay(5)
    for each in (first, second, third):
        each.extend(torch.arange(5))
        each.stratified = False
    assert torch.equal(first.sample(40).items, second.sample(40).items)
    assert not torch.equal(second.sample(40).items, third.sample(40).items)
    threads = torch.get_num_threads()
    one, many = filled(), filled()
    try:
        torch.set_num_threads(1)
        expected = one.sample(100_000).items
        torch.set_num_threads(3)
        assert torch.equal(many.sample(100_000).items, expected)
    finally:
        torch.set_num_threads(threads)


def go_on(replay: PrioritizedReplay) -> list[Any]:
    seen = []
    for step in range(12):
        batch = replay.sample(6)
        seen.append([batch.keys.tolist(), [int(item) for item in batch.items], batch.weights.tolist()])
        replay.update(batch.keys, batch.keys % 5 + 0.5)
        replay.add(torch.tensor(1000 + step))
    return seen


@pytest.mark.parametrize("items", [7, 20, 33])
@pytest.mark.parametrize("through", ["state_dict", "torch.save", "pickle", "deepcopy"])
@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("within", [False, True])
def test_a_replay_goes_on_from_its_state_exactly(items: int, through: str, as_list: bool, within: bool) -> None:
    def empty(seed: int) -> PrioritizedReplay:
        return PrioritizedReplay(20, seed=seed, storage=[] if as_list else None, within_buffer=within)

    replay = empty(3)
    replay.extend(torch.arange(items), torch.arange(1.0, items + 1))
    go_on(replay)
    other = empty(4)
    if through == "state_dict":
        other.load_state_dict(replay.state_dict())
    elif through == "torch.save":
        file = io.BytesIO()
        torch.save(replay.state_dict(), file)
        file.seek(0)
        other.load_state_dict(torch.load(file, weights_only=True))
    elif through == "pickle":
        other = pickle.loads(pickle.dumps(replay))
    else:
        other = copy.deepcopy(replay)
    assert len(other) == len(replay)
    expected = go_on(replay)
    assert go_on(other) == expected


def test_a_state_without_items_needs_them_in_place() -> None:
    replay = filled()
    state = replay.state_dict(items=False)
    assert state["items"] is None
    other = PrioritizedReplay(20, storage=list(range(20)))
    other.load_state_dict(state)
    assert replay.sample(30).items.tolist() == other.sample(30).items


def test_states_that_do_not_fit_are_refused() -> None:
    replay = filled()
    for wrong in ({}, {**replay.state_dict(), "version": 2}, {**replay.state_dict(), "more": 1}):
        with pytest.raises(ValueError, match="no state of a PrioritizedReplay"):
            replay.load_state_dict(wrong)
    with pytest.raises(ValueError, match="of 21 slots"):
        replay.load_state_dict(filled(21).state_dict())
    assert len(replay.sample(3).items) == 3


# Arguments.


def test_bad_arguments_are_refused_with_names_and_values_and_nothing_changes() -> None:
    replay = filled()
    before = replay.priorities.table.fingerprint
    for keys, priorities, message in (
        ([20], [1.0], r"keys must lie in \[0, 20\), as added, but got 20"),
        ([-1], [1.0], "but got -1"),
        ([1, 2], [1.0, -3.0], r"priorities\[1\] is -3.0 \(1 of 2 are invalid\): pass absolute errors"),
        ([1, 2], [1.0, float("nan")], "is nan"),
        ([1, 2], [1.0, float("inf")], "is inf"),
        ([1, 2], [1.0, 2.0, 3.0], "one priority per key, but there are 3 for 2"),
    ):
        with pytest.raises(ValueError, match=message):
            replay.update(keys, priorities)
    with pytest.raises(ValueError, match="one priority per item, but there are 2 for 3"):
        replay.extend(torch.arange(3), [1.0, 2.0])
    with pytest.raises(ValueError, match=r"priorities\[0\] is -1"):
        replay.add(torch.tensor(7), priority=-1.0)
    assert (len(replay), replay.priorities.table.fingerprint) == (20, before)
    assert replay.add(torch.tensor(7)) == 20
    for arguments in ({"alpha": -1}, {"eps": -1}, {"beta": -1}, {"beta": float("nan")}, {"capacity": 0}):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            PrioritizedReplay(**{"capacity": 5, **arguments})
    with pytest.raises(ValueError, match="not both"):
        PrioritizedReplay(5, storage=[], device="cpu")
    with pytest.raises(ValueError, match="holds 3 items, more than capacity=2"):
        PrioritizedReplay(2, storage=[1, 2, 3])


def test_items_unlike_the_first_are_refused_and_nothing_is_written() -> None:
    replay = PrioritizedReplay(5, seed=0)
    with pytest.raises(RuntimeError, match="nothing to draw"):
        replay.sample(1)
    replay.add({"x": torch.zeros(3), "y": 1})
    for wrong in ({"x": torch.zeros(4), "y": 1}, {"x": torch.zeros(3)}, {"x": torch.zeros(3), "z": 1}, torch.zeros(3)):
        with pytest.raises(ValueError, match="of the first"):
            replay.add(wrong)
    with pytest.raises(ValueError, match="one leading dimension"):
        replay.extend({"x": torch.zeros(2, 3), "y": torch.zeros(3)})
    assert len(replay) == 1
    assert replay.sample(4).items["x"].shape == (4, 3)
    assert replay.extend({"x": torch.zeros(0, 3), "y": torch.zeros(0)}).tolist() == []
    assert len(replay.sample(0).keys) == 0


def test_alpha_and_beta_can_be_set_at_any_time() -> None:
    replay = filled(alpha=0.0, eps=0.0)
    assert len({*replay.priorities.table.weights.tensor().tolist()}) == 1
    replay.alpha, replay.beta = 1.0, 0.25
    assert replay.priorities.table.weights.tensor().tolist() == list(range(1, 21))
    batch = replay.sample(30)
    least = float((batch.items + 1).min())
    assert torch.allclose(batch.weights, (least / (batch.items + 1.0)) ** 0.25, rtol=1e-5)
    assert "alpha=1.0, beta=0.25" in repr(replay)
    with pytest.raises(ValueError, match="alpha"):
        replay.alpha = -1.0
