"""torch.ops.pysampler.multinomial: rows of weights in compiled code. On the GPU: tests/cuda/test_cuda_rows.py."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch._dynamo
from torch._dynamo.testing import CompileCounterWithBackend

from pysampler import multinomial, stream_state
from pysampler.keys import key_from_generator

draw: Any = torch.ops.pysampler.multinomial


def matrix(rows: int, columns: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(columns)).to(dtype) + 0.01


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("rows", "columns", "draws", "replacement"),
    [(7, 10, 1, False), (7, 10, 3, True), (3, 2000, 5, True), (3, 100, 90, True), (4, 50, 20, False), (0, 5, 2, True)],
)
def test_it_draws_what_multinomial_draws(
    rows: int, columns: int, draws: int, replacement: bool, dtype: torch.dtype
) -> None:
    weights = matrix(rows, columns, dtype)
    key = key_from_generator(torch.Generator().manual_seed(5))
    state = stream_state(key)
    found = draw(weights, state, draws, replacement)
    assert torch.equal(found, multinomial(weights, draws, replacement, generator=torch.Generator().manual_seed(5)))
    assert int(state[2]) == rows * (columns if draws > 1 and not replacement else draws)
    if rows:
        one = draw(weights[0], stream_state(key), draws, replacement)
        assert torch.equal(one, found[0])


def test_draws_go_on_where_the_last_ended() -> None:
    weights = matrix(1, 30)
    state = stream_state(3, epoch=2, position=100)
    first, second = (draw(weights, state, 4, True) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(torch.cat([first, second], 1), draw(weights, stream_state(3, epoch=2, position=100), 8, True))


def test_registered_as_torch_wants_it() -> None:
    for arguments in [(matrix(3, 5), stream_state(3), 2, True), (matrix(3, 5)[0], stream_state(3), 2)]:
        torch.library.opcheck(draw.default, arguments)


def test_one_compilation_serves_every_state() -> None:
    torch._dynamo.reset()
    backend = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(lambda w, s: 2 * draw(w.softmax(-1), s, 3, True), fullgraph=True, backend=backend)
    logits = matrix(4, 9).log()
    for number in range(4):
        state = stream_state(number, position=number)
        expected = 2 * draw(logits.softmax(-1), stream_state(number, position=number), 3, True)
        assert torch.equal(compiled(logits, state), expected)
    assert backend.frame_count == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.ones(3, 4), stream_state(0), 5), "cannot draw num_samples=5 > 4"),
        ((torch.ones(3, 4), stream_state(0), 0), "num_samples"),
        ((torch.ones(3, 4).half(), stream_state(0), 1), "weights must be float32 or float64"),
        ((torch.ones(2, 3, 4), stream_state(0), 1), "weights must be float32 or float64"),
        ((torch.ones(2, 0), stream_state(0), 1), "weights must be float32 or float64"),
        ((torch.ones(2, 3), torch.zeros(2, dtype=torch.int64), 1), "state must be"),
        ((torch.tensor([[1.0, 1.0], [0.0, 0.0]]), stream_state(0), 1), r"weights\[1\] must have a positive sum"),
        ((torch.tensor([1.0, 0.0]), stream_state(0), 2), "weights has 1 positive entries"),
        ((torch.ones(4), torch.tensor([0, 0, 2**63 - 2]), 3), "position"),
    ],
)
def test_wrong_arguments_are_named_and_the_state_stays(arguments: Any, message: str) -> None:
    before = arguments[1].clone()
    with pytest.raises((ValueError, TypeError), match=message):
        draw(*arguments)
    assert torch.equal(arguments[1], before)


softmax_weights: Any = torch.ops.pysampler.softmax_weights


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weights_of_logits_are_exponentials(dtype: torch.dtype) -> None:
    logits = torch.randn(20, 300, generator=torch.Generator().manual_seed(1)).to(dtype) * 20
    logits[:, 7] = -torch.inf
    weights = softmax_weights(logits)
    exact = (logits.double() - logits.double().amax(-1, keepdim=True)).exp()
    torch.testing.assert_close(weights, exact, rtol=1e-15, atol=0)
    assert (weights[:, 7] == 0).all()
    assert torch.equal(softmax_weights(logits[3]), weights[3])
    assert softmax_weights(logits[:0]).shape == (0, 300)
    torch.library.opcheck(softmax_weights.default, (logits,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_of_logits_is_that_of_their_weights(dtype: torch.dtype, replacement: bool) -> None:
    logits = torch.randn(6, 50, generator=torch.Generator().manual_seed(2)).to(dtype)
    key = torch.Generator().manual_seed(3)
    found = multinomial(logits=logits, num_samples=4, replacement=replacement, generator=key)
    wide = logits if dtype == torch.float64 else logits.float()
    expected = multinomial(softmax_weights(wide), 4, replacement, generator=torch.Generator().manual_seed(3))
    assert torch.equal(found, expected)


def test_wrong_logits_are_named() -> None:
    good = torch.zeros(3, 4)
    for bad in (torch.inf, torch.nan):
        logits = good.clone()
        logits[2, 1] = bad
        with pytest.raises(ValueError, match=r"logits\[2\] must be finite or -inf"):
            multinomial(logits=logits, num_samples=1)
    with pytest.raises(ValueError, match="not all -inf"):
        multinomial(logits=torch.full((3,), -torch.inf), num_samples=1)
    with pytest.raises(TypeError, match="weights or logits=, not both"):
        multinomial(good, 1, logits=good)
    for wrong in ([0.0, 1.0], torch.zeros(3, dtype=torch.int64), good.to_sparse()):
        with pytest.raises(TypeError, match="logits must be"):
            multinomial(logits=wrong, num_samples=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="logits must have 1 or 2 dimensions"):
        multinomial(logits=torch.zeros(2, 2, 2), num_samples=1)
