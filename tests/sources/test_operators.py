"""torch.ops.pysampler.draw: the draws as a torch operator, compiled and not. On the GPU: tests/cuda/test_cuda.py."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch._dynamo
from families import hashed_integers
from hypothesis import given
from hypothesis import strategies as st
from torch._dynamo.testing import CompileCounterWithBackend

from pysampler import AliasTable, DynamicTable, stream_state

draw: Any = torch.ops.pysampler.draw
table = AliasTable(hashed_integers(1001))
entries = table.as_tensor()


@given(st.integers(-(2**63), 2**64 - 1), st.integers(0, 2**48 - 1), st.integers(0, 2**60), st.integers(1, 2**20))
def test_draws_are_those_of_the_table(seed: int, epoch: int, position: int, step: int) -> None:
    state = stream_state(seed, epoch=epoch, position=position)
    for count in (0, 1, 100):
        start = int(state[2])
        found = draw(entries, state, count, step)
        assert torch.equal(found, table.draw(count, seed=seed, epoch=epoch, start=start, step=step))
        assert state.tolist() == [(seed + 2**63) % 2**64 - 2**63, epoch, start + count * step]


def test_int32_on_request() -> None:
    found = draw(entries, stream_state(1), 50, dtype=torch.int32)
    assert found.dtype == torch.int32
    assert torch.equal(found, table.draw(50, seed=1, dtype=torch.int32))
    assert torch.equal(found.long(), table.draw(50, seed=1))


def test_the_operator_is_registered_as_torch_wants_it() -> None:
    for arguments in [(entries, stream_state(3), 10), (entries, stream_state(3), 10, 4), (entries, stream_state(3), 0)]:
        torch.library.opcheck(draw.default, arguments)
        torch.library.opcheck(draw.default, arguments, {"dtype": torch.int32})


def test_one_compilation_serves_every_seed_epoch_and_position_and_one_more_every_count() -> None:
    torch._dynamo.reset()
    backend = CompileCounterWithBackend("aot_eager")

    def doubled(entries: torch.Tensor, state: torch.Tensor, count: int) -> torch.Tensor:
        return 2 * draw(entries, state, count)

    compiled = torch.compile(doubled, fullgraph=True, backend=backend)
    for number in range(5):
        state = stream_state(number, epoch=number, position=number)
        for _ in range(2):
            start = int(state[2])
            expected = 2 * table.draw(64, seed=number, epoch=number, start=start)
            assert torch.equal(compiled(entries, state, 64), expected)
            assert int(state[2]) == start + 64
    assert backend.frame_count == 1
    for count in (65, 100, 7):
        assert torch.equal(compiled(entries, stream_state(9), count), 2 * table.draw(count, seed=9))
    assert backend.frame_count == 2


class NegativeLogits(torch.nn.Module):
    """A step as training code has it: the state is a buffer, and the draws feed what is differentiated."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(len(table), 4)
        self.register_buffer("entries", table.as_tensor())
        self.register_buffer("state", stream_state(11))

    def forward(self, queries: torch.Tensor) -> torch.Tensor:
        return self.embedding(draw(self.entries, self.state, 8)) @ queries


def test_a_compiled_module_moves_its_state_on_and_differentiates_around_the_draw() -> None:
    torch._dynamo.reset()
    eager = NegativeLogits()
    compiled = NegativeLogits()
    compiled.load_state_dict(eager.state_dict())
    step = torch.compile(compiled, fullgraph=True, backend="aot_eager")
    for _ in range(3):
        queries = torch.randn(4, 2)
        expected, found = eager(queries), step(queries)
        torch.testing.assert_close(found, expected)
        expected.square().sum().backward()
        found.square().sum().backward()
    assert compiled.state.tolist() == eager.state.tolist() == [11, 0, 24]
    torch.testing.assert_close(compiled.embedding.weight.grad, eager.embedding.weight.grad)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((entries.int(), stream_state(0), 1), "table must be what AliasTable.as_tensor"),
        ((entries[::2], stream_state(0), 1), "contiguous"),
        ((entries[:0], stream_state(0), 1), "shape \\(0,\\)"),
        ((entries[None], stream_state(0), 1), "shape \\(1, 1001\\)"),
        ((entries, torch.zeros(2, dtype=torch.int64), 1), "state must be what pysampler.stream_state"),
        ((entries, torch.zeros(3), 1), "float32"),
        ((entries, torch.zeros(6, dtype=torch.int64)[::2], 1), "contiguous"),
        ((entries, torch.tensor([0, 2**48, 0]), 1), "epoch in"),
        ((entries, torch.tensor([0, -1, 0]), 1), "epoch in"),
        ((entries, torch.tensor([0, 0, -1]), 1), "position >= 0"),
        ((entries, torch.tensor([0, 0, 2**63 - 5]), 6), "below 2\\^63"),
        ((entries, torch.empty(3, dtype=torch.int64, device="meta"), 1), "one device, but are on cpu and meta"),
        ((entries, stream_state(0), -1), "n must be"),
        ((entries, stream_state(0), 1, 0), "step must be"),
    ],
)
def test_wrong_arguments_are_named_and_leave_the_state(arguments: tuple[Any, ...], message: str) -> None:
    before = arguments[1].clone()
    with pytest.raises(ValueError, match=message):
        draw(*arguments)
    assert arguments[1].is_meta or torch.equal(arguments[1], before)


def test_other_dtypes_are_refused() -> None:
    with pytest.raises(TypeError, match=r"dtype must be torch\.int64 or torch\.int32"):
        draw(entries, stream_state(0), 1, dtype=torch.int16)


def test_the_last_position_can_be_drawn() -> None:
    state = stream_state(1, position=2**63 - 10)
    found = draw(entries, state, 10)
    assert torch.equal(found, table.draw(10, seed=1, start=2**63 - 10))
    assert int(state[2]) == 0  # beyond the last position there is none: around to the first


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"seed": 2**64}, ValueError),
        ({"seed": 0.5}, TypeError),
        ({"seed": 0, "epoch": 2**48}, ValueError),
        ({"seed": 0, "epoch": True}, TypeError),
        ({"seed": 0, "position": -1}, ValueError),
        ({"seed": 0, "position": 2**63}, ValueError),
    ],
)
def test_a_state_of_wrong_numbers_is_an_error(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        stream_state(**arguments)


def test_the_tensor_is_a_copy_of_the_table() -> None:
    own = table.as_tensor()
    own.fill_(-1)
    assert torch.equal(table.as_tensor(), entries)


def test_entries_that_are_no_table_are_drawn_from_without_harm() -> None:
    """Draws read no memory that an entry names: any int64 tensor is safe."""
    for value in (-1, 0, 2**62):
        found = draw(torch.full((5,), value), stream_state(1), 1000)
        assert found.min() >= 0
        assert found.max() < 2**32


def test_a_table_whose_weights_change_is_refused() -> None:
    with pytest.raises(ValueError, match="draw_dynamic"):
        torch.ops.pysampler.draw(DynamicTable([1.0] * 5).as_tensor(), stream_state(seed=0), 3)


def test_draws_inside_a_differentiated_function_say_what_to_do() -> None:
    table = AliasTable([1.0, 2.0])
    with pytest.raises(TypeError, match="draw before"):
        torch.func.grad(lambda values: (values * table.draw(3, seed=0)).sum())(torch.ones(3))
