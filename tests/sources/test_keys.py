"""Keys from torch's generator: where torch lets none be drawn, and where modes are on when they are drawn first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from processes import run
from torch._subclasses.fake_tensor import FakeTensorMode

from pysampler import AliasTable, WeightedRandomSampler, multinomial

TABLE = AliasTable([1.0, 2.0])


def in_a_thread(call: Callable[[], Any]) -> Any:
    """What a call gives in a new thread, which has drawn no key yet; its error is raised here."""
    outcome: list[Any] = []

    def within() -> None:
        try:
            outcome.append(call())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=within)
    thread.start()
    thread.join()
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


@pytest.mark.parametrize("randomness", ["different", "error"])
@pytest.mark.parametrize(
    "draw",
    [
        lambda: multinomial(torch.ones(5), 2),
        lambda: multinomial(torch.ones(5), 2, generator=torch.Generator()),
        lambda: multinomial(logits=torch.zeros(5), num_samples=2),
        lambda: torch.tensor(list(WeightedRandomSampler(TABLE, 2))),
    ],
)
def test_vmap_that_wants_other_draws_for_each_is_told_the_way_out(draw: Callable[[], Any], randomness: str) -> None:
    with pytest.raises(TypeError, match=r"no key can be drawn .* in vmap randomness='same' draws once for all"):
        torch.func.vmap(lambda x: x + draw(), randomness=randomness)(torch.zeros(3, 2))
    same = torch.func.vmap(lambda x: x + draw(), randomness="same")(torch.zeros(3, 2))
    assert torch.equal(same, same[:1].expand(3, 2))


def test_draws_with_a_seed_need_no_generator_in_vmap() -> None:
    drawn = TABLE.draw(2, seed=1)
    assert torch.func.vmap(lambda x: x + TABLE.draw(2, seed=1), randomness="different")(torch.zeros(3, 2))[2].equal(
        drawn
    )


@pytest.mark.parametrize("fresh", [False, True])
def test_fake_tensors_and_gradients_are_named_and_spoil_no_later_key(fresh: bool) -> None:
    place: Callable[[Callable[[], Any]], Any] = in_a_thread if fresh else lambda call: call()
    sampler = WeightedRandomSampler(TABLE, 9)

    def attempts() -> list[int]:
        with pytest.raises(TypeError), FakeTensorMode():
            list(sampler)
        with pytest.raises(TypeError):
            torch.func.grad(lambda x: x * next(iter(sampler)))(torch.ones(()))
        return list(sampler)

    assert set(place(attempts)) <= {0, 1}


@pytest.mark.parametrize(
    "around",
    [
        "torch._subclasses.fake_tensor.FakeTensorMode()",
        "torch.inference_mode()",
        "torch.device('meta')",
        "torch.no_grad()",
    ],
)
def test_pysampler_may_be_imported_inside_a_mode_of_torch(around: str) -> None:
    result = run(
        f"""
        import torch, torch._subclasses.fake_tensor
        with {around}:
            import pysampler
        torch.manual_seed(1)
        drawn = list(pysampler.WeightedRandomSampler([1.0, 2.0], 20)), pysampler.multinomial(torch.ones(9), 3).tolist()
        from pysampler.inputs.output import small_output
        assert type(small_output(3)) is torch.Tensor
        print(drawn)
        """
    )
    assert result.returncode == 0, result.stderr
    torch.manual_seed(1)
    expected = list(WeightedRandomSampler([1.0, 2.0], 20)), multinomial(torch.ones(9), 3).tolist()
    assert result.stdout.strip() == str(expected)
