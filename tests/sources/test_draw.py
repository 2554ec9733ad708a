"""AliasTable.draw: a pure function of table, seed, epoch and position, however it is computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pytest
import torch
from families import FAMILIES, hashed_integers
from hypothesis import given
from hypothesis import strategies as st
from processes import LOAD_CORE, in_child, output_of, run

from pysampler import (
    AliasTable,
    ClassTable,
    Mixture,
    MPerClassBatches,
    Shuffle,
    Source,
    SystematicTable,
    UnderSampling,
)
from pysampler.sources.without_replacement import WithoutReplacement

STEPS = [1, 2, 3, 7, 16, 4096, 2**40 + 1]
SEEDS = st.integers(-(2**63), 2**64 - 1)
EPOCHS = st.integers(0, 2**48 - 1)

small = AliasTable(hashed_integers(1001))
medium = AliasTable(hashed_integers(200_003))  # 1.6 MB: drawn from with prefetch


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("items", [1, 2, 3, 17, 1000, 70_001])
def test_draws_are_what_the_slots_say(family: str, items: int) -> None:
    table = AliasTable(FAMILIES[family](items))
    found = table.draw(500, seed=items, epoch=1)
    assert found.tolist() == oracle.draws(table, items, 1, range(500)).tolist()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("start", [0, 1, 9, 16, 12345, 2**33 + 5, 2**62 - 11])
@pytest.mark.parametrize(("seed", "epoch"), [(-3, 0), (2**64 - 1, 2**48 - 1)])
def test_any_start_and_step_draws_the_same_positions(start: int, step: int, seed: int, epoch: int) -> None:
    count = 137
    positions = np.arange(count, dtype=np.uint64) * np.uint64(step) + np.uint64(start)
    for table in (small, medium):
        found = table.draw(count, seed=seed, epoch=epoch, start=start, step=step)
        assert found.tolist() == oracle.draws(table, seed, epoch, positions).tolist()


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129, 1000])
def test_any_count_draws_exactly_that_many(count: int) -> None:
    for start in (0, 3, 8):
        whole = small.draw(1100, seed=5)
        guarded = torch.full((count + 2,), -7)
        small.draw(count, seed=5, start=start, out=guarded[1 : count + 1])
        assert guarded[0] == -7
        assert guarded[-1] == -7
        assert torch.equal(guarded[1:-1], whole[start : start + count])


@given(st.integers(0, 400), st.integers(0, 400), SEEDS, EPOCHS, st.integers(0, 2**62), st.integers(1, 2**20))
def test_draw_a_then_draw_b_is_draw_a_plus_b(a: int, b: int, seed: int, epoch: int, start: int, step: int) -> None:
    parts = [
        small.draw(a, seed=seed, epoch=epoch, start=start, step=step),
        small.draw(b, seed=seed, epoch=epoch, start=start + a * step, step=step),
    ]
    assert torch.equal(torch.cat(parts), small.draw(a + b, seed=seed, epoch=epoch, start=start, step=step))


@given(st.integers(1, 40), st.integers(0, 1000), SEEDS, EPOCHS)
def test_shards_partition_the_stream(world: int, draws: int, seed: int, epoch: int) -> None:
    whole = small.draw(draws, seed=seed, epoch=epoch)
    rebuilt = torch.full((draws,), -1)
    for rank in range(world):
        count = len(range(rank, draws, world))
        rebuilt[rank::world] = small.draw(count, seed=seed, epoch=epoch, start=rank, step=world)
    assert torch.equal(rebuilt, whole)


@given(
    st.lists(st.floats(0, 1e20, allow_subnormal=False), min_size=1, max_size=80).filter(lambda w: sum(w) > 1e-250),
    st.integers(0, 2**20),
)
def test_draws_are_what_the_slots_say_for_any_weights(weights: list[float], start: int) -> None:
    table = AliasTable(weights)
    positions = range(start, start + 50)
    assert table.draw(50, seed=1, start=start).tolist() == oracle.draws(table, 1, 0, positions).tolist()


@pytest.mark.parametrize("exponent", [-900, -200, -1, 1, 7, 200, 900])
def test_scaling_by_a_power_of_two_changes_nothing(exponent: int) -> None:
    weights = FAMILIES["uniform"](5000)
    table, scaled = AliasTable(weights), AliasTable(np.ldexp(weights, exponent))
    assert scaled.fingerprint == table.fingerprint
    assert torch.equal(scaled.draw(1000, seed=0), table.draw(1000, seed=0))


@given(st.lists(st.floats(1e-30, 1e30), min_size=1, max_size=70), st.integers(-700, 700))
def test_scaling_any_weights_by_a_power_of_two_changes_nothing(weights: list[float], exponent: int) -> None:
    scaled = np.ldexp(np.array(weights), exponent)
    assert AliasTable(scaled).fingerprint == AliasTable(weights).fingerprint


@pytest.mark.parametrize(("start", "step"), [(0, 1), (11, 1), (5, 3), (2**40, 64)])
def test_any_number_of_threads_draws_the_same_bits(threads: int, start: int, step: int) -> None:
    count = 300_007  # enough for four threads
    found = medium.draw(count, seed=9, epoch=2, start=start, step=step)
    positions = np.arange(count, dtype=np.uint64) * np.uint64(step) + np.uint64(start)
    assert np.array_equal(found.numpy(), oracle.draws(medium, 9, 2, positions))


def test_outputs_beyond_the_caches_hold_the_same_bits(threads: int) -> None:
    count = 1_200_011  # 9.6 MB: written past the caches
    for table in (small, medium):
        found = table.draw(count, seed=10, start=6)
        expected = oracle.draws(table, 10, 0, np.arange(6, count + 6, dtype=np.uint64))
        assert np.array_equal(found.numpy(), expected)


@pytest.mark.parametrize("offset", range(9))
def test_outputs_may_begin_at_any_address(offset: int) -> None:
    for count in (100, 1_100_000):
        target = torch.full((count + 10,), -1)[offset : offset + count]
        assert small.draw(count, seed=3, out=target).data_ptr() == target.data_ptr()
        assert torch.equal(target, small.draw(count, seed=3))


def test_out_is_filled_and_returned() -> None:
    out = torch.zeros(50, dtype=torch.int64)
    assert small.draw(50, seed=3, out=out) is out
    assert torch.equal(out, small.draw(50, seed=3))


def test_int32_holds_the_same_draws() -> None:
    wide = medium.draw(1000, seed=5, start=3)
    narrow = medium.draw(1000, seed=5, start=3, dtype=torch.int32)
    assert narrow.dtype == torch.int32
    assert torch.equal(narrow.long(), wide)
    out = torch.empty(1000, dtype=torch.int32)
    assert medium.draw(1000, seed=5, start=3, out=out) is out
    assert torch.equal(out, narrow)
    with pytest.raises(TypeError, match="out must be an int64 tensor"):
        medium.draw(1000, seed=5, dtype=torch.int64, out=out)


def sources_of_all_kinds() -> list[Source]:
    labels = hashed_integers(5000, 40)
    weights = hashed_integers(5000) + 1
    systematic = SystematicTable(weights, labels)
    shares = Mixture([medium, 5000])
    return [
        medium,
        ClassTable(labels, torch.ones(40)),
        systematic,
        systematic.in_batches(64),
        WithoutReplacement(weights),
        Shuffle(5000),
        UnderSampling(labels, 3),
        MPerClassBatches(labels, 4),
        shares,
    ]


@pytest.mark.parametrize("source", sources_of_all_kinds(), ids=lambda source: type(source).__name__)
def test_int32_holds_the_same_draws_of_every_source(source: Source, threads: int) -> None:
    most = source.default_draws
    for count, start, step in ((0, 0, 1), (1, 3, 1), (100, 7, 5), (most, 0, 1)):
        wide = source.draw(count, seed=5, epoch=2, start=start, step=step)
        out = torch.full((count + 2,), -7, dtype=torch.int32)
        source.draw(count, seed=5, epoch=2, start=start, step=step, out=out[1:-1])
        assert torch.equal(out[1:-1].long(), wide)
        assert out[0] == out[-1] == -7
        assert torch.equal(source.draw(count, seed=5, epoch=2, start=start, step=step, dtype=torch.int32), out[1:-1])


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
@pytest.mark.parametrize("count", [2**19 - 1, 2**19, 2**20, 3_000_001])
def test_outputs_in_huge_pages_hold_what_others_hold(dtype: torch.dtype, count: int) -> None:
    new = medium.draw(count, seed=5, epoch=1, dtype=dtype)  # measures its way of looking up, and may stream
    out = torch.empty(count + 1, dtype=dtype)[1:]  # begins inside a cache line and inside a page
    assert medium.draw(count, seed=5, epoch=1, out=out) is out
    assert torch.equal(new, out)
    parts = [medium.draw(min(100_003, count - i), seed=5, epoch=1, start=i) for i in range(0, count, 100_003)]
    assert torch.equal(new.long(), torch.cat(parts))


LOOK_UP = (
    LOAD_CORE
    + """
from array import array
weights, longs, ints = array("d", range(70_001)), array("q", [0] * 300_000), array("i", [0] * 99)
table = core.Table.build(weights.buffer_info()[0], len(weights), True, 1)
table.draw_into(longs.buffer_info()[0], len(longs), 1, 0, 0, 1, 1)
table.draw_into(ints.buffer_info()[0], len(ints), 1, 0, 0, 1, 1, True)
print(sum(longs), ints.tolist())
"""
)


def test_a_way_to_look_up_can_be_asked_for_and_changes_no_draw() -> None:
    table = AliasTable(torch.arange(70_001.0))
    expected = f"{table.draw(300_000, seed=1).sum()} {table.draw(99, seed=1).tolist()}\n"
    for way in ("", "loads", "gathers", "prefetched"):
        assert output_of(LOOK_UP, {"PYSAMPLER_CPU_LOOKUP": way}) == expected
    wrong = run(LOOK_UP, environment={"PYSAMPLER_CPU_LOOKUP": "guess"})
    assert wrong.returncode != 0
    assert "PYSAMPLER_CPU_LOOKUP=guess is no way to look up; there are: loads gathers prefetched" in wrong.stderr


@pytest.mark.parametrize("dtype", [torch.int16, torch.float32, "int32"])
def test_draws_of_any_other_dtype_are_an_error(dtype: Any) -> None:
    with pytest.raises(TypeError, match=r"dtype must be torch\.int64 or torch\.int32"):
        small.draw(3, seed=0, dtype=dtype)


@pytest.mark.parametrize(
    ("out", "error"),
    [
        (torch.zeros(5, dtype=torch.int16), TypeError),
        (torch.zeros(5, dtype=torch.float64), TypeError),
        (torch.zeros(5, dtype=torch.int64, device="meta"), TypeError),
        (np.zeros(5, dtype=np.int64), TypeError),
        ([0] * 5, TypeError),
        (torch.zeros(4, dtype=torch.int64), ValueError),
        (torch.zeros(6, dtype=torch.int64), ValueError),
        (torch.zeros(5, 1, dtype=torch.int64), ValueError),
        (torch.zeros(10, dtype=torch.int64)[::2], ValueError),
        (torch.zeros(1, dtype=torch.int64).expand(5), ValueError),
    ],
)
def test_out_of_any_other_type_or_shape_is_an_error(out: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="out must be"):
        small.draw(5, seed=0, out=out)


def test_the_result_is_a_new_int64_tensor_on_the_cpu() -> None:
    one, two = small.draw(10, seed=0), small.draw(10, seed=0)
    assert one.dtype == torch.int64
    assert one.device.type == "cpu"
    assert one.shape == (10,)
    assert one.data_ptr() != two.data_ptr()
    assert small.draw(0, seed=0).shape == (0,)


@pytest.mark.parametrize("n", [-1, 2**63, True, 2.0, "3", None])
def test_a_count_that_is_no_natural_number_is_an_error(n: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"\bn\b"):
        small.draw(n, seed=0)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"seed": -(2**63) - 1}, ValueError),
        ({"seed": 2**64}, ValueError),
        ({"seed": 1.0}, TypeError),
        ({"seed": True}, TypeError),
        ({"seed": None}, TypeError),
        ({"seed": "1"}, TypeError),
        ({"epoch": -1}, ValueError),
        ({"epoch": 2**48}, ValueError),
        ({"epoch": 0.0}, TypeError),
        ({"epoch": False}, TypeError),
        ({"start": -1}, ValueError),
        ({"start": 1.5}, TypeError),
        ({"start": True}, TypeError),
        ({"step": 0}, ValueError),
        ({"step": -1}, ValueError),
        ({"step": 1.0}, TypeError),
        ({"step": True}, TypeError),
    ],
)
def test_bad_stream_arguments_are_named_with_their_values(arguments: dict[str, Any], error: type[Exception]) -> None:
    ((name, value),) = arguments.items()
    with pytest.raises(error, match=f"{name}.*{value!s}"):
        small.draw(5, **{"seed": 0, **arguments})


@pytest.mark.parametrize(
    ("start", "step", "accepted"),
    [(2**63 - 1, 1, 1), (2**63 - 5, 1, 5), (3, 2**62, 2), (2**63 - 9, 4, 3), (0, 2**63, 1)],
)
def test_positions_end_at_two_to_the_63(start: int, step: int, accepted: int) -> None:
    """The last position is 2^63 - 1; draws beyond it are an error, whatever start and step overflow."""
    found = small.draw(accepted, seed=0, start=start, step=step)
    positions = [start + i * step for i in range(accepted)]
    assert found.tolist() == oracle.draws(small, 0, 0, positions).tolist()
    with pytest.raises(ValueError, match=r"2\^63"):
        small.draw(accepted + 1, seed=0, start=start, step=step)


def test_arguments_beyond_64_bits_are_an_error_even_if_no_position_is_reached() -> None:
    with pytest.raises(ValueError, match=f"start.*{2**64}"):
        small.draw(0, seed=0, start=2**64)
    with pytest.raises(ValueError, match=f"step.*{2**64}"):
        small.draw(1, seed=0, step=2**64)


def test_integers_of_numpy_and_torch_are_taken_as_integers() -> None:
    expected = small.draw(10, seed=7, epoch=3, start=2, step=4)
    kinds: list[Any] = [np.int64, np.uint8, torch.tensor]
    for kind in kinds:
        found = small.draw(kind(10), seed=kind(7), epoch=kind(3), start=kind(2), step=kind(4))
        assert torch.equal(found, expected)


def test_seed_is_required_and_by_name() -> None:
    draw: Any = small.draw
    with pytest.raises(TypeError):
        draw(5)
    with pytest.raises(TypeError):
        draw(5, 0)


def test_drawing_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    small.draw(1000, seed=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_drawing_ignores_a_default_device() -> None:
    def draw() -> list[int]:
        torch.set_default_device("meta")
        drawn: list[int] = small.draw(10, seed=3).tolist()
        return drawn

    assert in_child(draw) == small.draw(10, seed=3).tolist()


def evaluated(how: str, table: AliasTable, count: int, start: int = 0, step: int = 1) -> tuple[str, torch.Tensor]:
    """Draws (seed 4, epoch 6) in a chosen way. Returns the way that was taken, and the draws."""
    out = torch.full((count + 1,), -1)
    taken = table._core.draw_evaluated(out.data_ptr(), count, 4, 6, start, step, torch.get_num_threads(), False, how)
    assert out[-1] == -1
    return taken, out[:-1]


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 100_000, 2**21 - 1, 2**21, 2**21 + 77])
@pytest.mark.parametrize("start", [0, 5])
def test_partitioned_evaluation_draws_the_same_bits(count: int, start: int) -> None:
    table = AliasTable(hashed_integers(1_000_003))  # several buckets
    assert evaluated("partitioned", table, count, start)[0] == "partitioned"
    partitioned, direct = evaluated("partitioned", table, count, start), evaluated("direct", table, count, start)
    assert direct[0] == "direct"
    assert torch.equal(partitioned[1], direct[1])


@pytest.mark.parametrize("start", [1, 15, 16, 17, 2**62 + 3])
@pytest.mark.parametrize("items", [1, 2, 1000, 131_072, 131_073, 262_145])
def test_partitioned_evaluation_works_for_any_table_and_start(items: int, start: int) -> None:
    table = AliasTable(hashed_integers(items) + 1)
    way, found = evaluated("partitioned", table, 5003, start)
    assert way == "partitioned"
    assert found.tolist() == oracle.draws(table, 4, 6, range(start, start + 5003)).tolist()


def test_partitioned_evaluation_draws_the_same_bits_on_any_threads(threads: int) -> None:
    table = AliasTable(hashed_integers(300_001))
    count = 3 * 2**21 + 64 * 5 + 3
    way, found = evaluated("partitioned", table, count, start=7)
    assert way == "partitioned"
    assert torch.equal(found, table.draw(count, seed=4, epoch=6, start=7))


def test_small_tables_and_wide_steps_are_evaluated_directly() -> None:
    assert evaluated("auto", medium, 100_000)[0] == "direct"
    assert evaluated("partitioned", medium, 1000, step=2)[0] == "direct"
    with pytest.raises(ValueError, match="evaluation"):
        evaluated("sideways", medium, 1)
