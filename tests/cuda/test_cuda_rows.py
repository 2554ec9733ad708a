"""Rows of weights on a GPU: the CPU's multinomial, bit for bit. Without a GPU: skipped, saying why."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from pysampler import multinomial, stream_state
from pysampler.cuda import availability

NO_CUDA = availability.problem()
pytestmark = pytest.mark.skipif(NO_CUDA is not None, reason=f"no GPU to test with: {NO_CUDA}")

draw: Any = torch.ops.pysampler.multinomial
SHAPES = [
    (4096, 10, 1),
    (4096, 10, 4),
    (1024, 64, 64),
    (7, 64, 129),
    (5, 1000, 300),
    (3, 5000, 8),
    (8, 151_936, 4),
    (2, 33_000, 9000),
]


def matrix(rows: int, columns: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    weights = torch.rand(rows, columns, generator=torch.Generator().manual_seed(columns)).to(dtype)
    weights[:, ::5] = 0
    weights[:, 0] = 1
    return weights


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("rows", "columns", "draws"), SHAPES)
def test_rows_with_replacement_are_the_cpus(rows: int, columns: int, draws: int, dtype: torch.dtype) -> None:
    weights = matrix(rows, columns, dtype)
    expected = draw(weights, stream_state(7), draws, True)
    state = stream_state(7, device="cuda")
    assert torch.equal(draw(weights.cuda(), state, draws, True).cpu(), expected)
    assert state.tolist() == [7, 0, rows * draws]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("rows", "columns", "draws"), [(4096, 10, 4), (50, 100, 80), (3, 5000, 8), (8, 151_936, 4)])
def test_rows_without_replacement_are_the_cpus(rows: int, columns: int, draws: int, dtype: torch.dtype) -> None:
    weights = matrix(rows, columns, dtype)
    expected = draw(weights, stream_state(7), draws, False)
    assert torch.equal(draw(weights.cuda(), stream_state(7, device="cuda"), draws, False).cpu(), expected)


def test_a_graph_draws_on_at_every_replay() -> None:
    weights, state = matrix(64, 100).cuda(), stream_state(1, device="cuda")
    draw(weights, stream_state(1, device="cuda"), 3, True)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = draw(weights, state, 3, True)
        picked = draw(weights, state, 3, False)
    on_cpu = stream_state(1)
    for _ in range(3):
        graph.replay()
        assert torch.equal(out.cpu(), draw(weights.cpu(), on_cpu, 3, True))
        assert torch.equal(picked.cpu(), draw(weights.cpu(), on_cpu, 3, False))


@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_names_the_first_bad_row_as_on_the_cpu(replacement: bool) -> None:
    for row, column, value in [(3, 2, -1.0), (5, 0, float("nan")), (0, 9, float("inf"))]:
        weights = matrix(8, 10)
        weights[row, column] = value
        weights[6] = 0
        with pytest.raises(ValueError) as expected:  # noqa: PT011 - the message is compared below
            multinomial(weights, 3, replacement)
        with pytest.raises(ValueError) as found:  # noqa: PT011
            multinomial(weights.cuda(), 3, replacement)
        assert str(found.value) == str(expected.value)
    few = matrix(8, 10)
    few[2, 1:] = 0
    few[2, 0] = 1
    with pytest.raises(ValueError, match=r"weights\[2\] has 1 positive entries"):
        multinomial(few.cuda(), 2, False)


def test_bad_rows_give_minus_one_where_nobody_waits() -> None:
    weights = matrix(4, 10)
    weights[1, 3] = float("nan")
    weights[2] = 0
    weights[2, 4] = 1
    for replacement in (True, False):
        found = draw(weights.cuda(), stream_state(0, device="cuda"), 2, replacement).cpu()
        assert found[1].tolist() == [-1, -1]
        assert found[2].tolist() == ([4, 4] if replacement else [4, -1])
        assert (found[[0, 3]] >= 0).all()


def test_inside_torch_compile() -> None:
    logits, state = matrix(16, 50).cuda().log(), stream_state(2, device="cuda")
    compiled = torch.compile(lambda x, s: draw(x.softmax(-1), s, 2, True), fullgraph=True)
    expected = draw(logits.softmax(-1), stream_state(2, device="cuda"), 2, True)
    assert torch.equal(compiled(logits, state), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weights_of_logits_are_the_cpus(dtype: torch.dtype) -> None:
    logits = torch.randn(20, 5000, generator=torch.Generator().manual_seed(1)).to(dtype) * 20
    logits[:, 7] = -torch.inf
    weights: Any = torch.ops.pysampler.softmax_weights
    assert torch.equal(weights(logits.cuda()).cpu(), weights(logits))
