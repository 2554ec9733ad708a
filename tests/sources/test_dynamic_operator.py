"""torch.ops.pysampler.draw_dynamic on the CPU: draws from a dynamic table packed in a tensor."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from pysampler import DynamicTable, stream_state

draw: Any = torch.ops.pysampler.draw_dynamic


def table_of(items: int, dtype: torch.dtype = torch.float32) -> DynamicTable:
    weights = torch.rand(items, generator=torch.Generator().manual_seed(items), dtype=dtype)
    weights[1:] *= (torch.arange(1, items) % 5 != 0).to(dtype)
    return DynamicTable(weights)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("items", [1, 16, 17, 4097, 70_000])
def test_draws_are_the_tables_and_the_state_goes_on(items: int, dtype: torch.dtype) -> None:
    table = table_of(items, dtype)
    state = stream_state(-3, epoch=7, position=5)
    packed, position = table.as_tensor(), 5
    for n, step, strata in [(100, 1, 0), (0, 1, 0), (1, 3, 0), (50, 2, 7), (3000, 1, 3000)]:
        expected = table.draw(n, seed=-3, epoch=7, start=position, step=step, stratified=strata or False)
        found = draw(packed, state, n, step, strata, dtype=torch.int32)
        assert found.dtype == torch.int32
        assert torch.equal(found.long(), expected)
        position += n * step
        assert state[2] == position


def test_it_compiles_whole_and_moves_the_state_on() -> None:
    table = table_of(1000)
    compiled = torch.compile(lambda t, s, n: draw(t, s, n, 1, 8) * 2, fullgraph=True, backend="aot_eager")
    state = stream_state(1)
    for start in (0, 40):
        expected = table.draw(40, seed=1, start=start, stratified=8) * 2
        assert torch.equal(compiled(table.as_tensor(), state, 40), expected)
    torch.library.opcheck(draw.default, (table.as_tensor(), stream_state(2), 10))


def test_bad_arguments_are_refused_and_leave_the_state() -> None:
    packed, state = table_of(100).as_tensor(), stream_state(0)
    damaged = packed.clone()
    damaged[1] += 16
    for table in (damaged, packed[:-1].clone(), packed.double(), packed.view(2, -1), packed[::2], packed[:8]):
        with pytest.raises(ValueError, match=r"DynamicTable\.as_tensor"):
            draw(table, state, 3)
    for arguments in [(-1,), (3, 0), (3, 1, -1), (3, 1, 2**55)]:
        with pytest.raises(ValueError):  # noqa: PT011 - several messages
            draw(packed, state, *arguments)
    with pytest.raises(ValueError, match="no weight is positive"):
        draw(DynamicTable(torch.zeros(100)).as_tensor(), state, 3)
    assert state.tolist() == [0, 0, 0]


def test_a_packed_table_is_a_copy() -> None:
    table = DynamicTable([1.0, 0.0])
    packed = table.as_tensor()
    table.update([0, 1], [0.0, 1.0])
    assert draw(packed, stream_state(0), 3).tolist() == [0, 0, 0]
    assert draw(table.as_tensor(), stream_state(0), 3).tolist() == [1, 1, 1]
