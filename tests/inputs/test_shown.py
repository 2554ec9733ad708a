"""Messages describe tensors and never read them: whose memory was freed, printing it ends the process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from processes import in_child

import pysampler
from pysampler.inputs.shown import shown


def freed() -> torch.Tensor:
    tensor = torch.ones(4)
    tensor.untyped_storage().resize_(0)
    return tensor


def one_freed() -> torch.Tensor:
    tensor = torch.ones((), dtype=torch.int64)
    tensor.untyped_storage().resize_(0)
    return tensor


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


def test_what_is_shown() -> None:
    assert shown("x") == "'x'"
    assert shown(3) == "3"
    assert shown("x", str) == "x"
    assert shown(torch.zeros(2, 3)) == "a Tensor of torch.float32, shape (2, 3)"
    assert shown(freed()) == "a Tensor of torch.float32, shape (4,)"
    assert shown(torch.nn.UninitializedParameter()) == "a UninitializedParameter of torch.float32"
    assert shown([1, freed()]) == "a list of 2"
    assert shown({"a": [freed()]}) == "a dict of 1"
    assert shown(Broken()) == "a Broken"
    assert shown(10**5000) == "a int"
    assert len(shown("x" * 1000)) == 200


_CALLS: list[Callable[[Any], Any]] = [
    pysampler.CoverageTracker,
    lambda value: pysampler.AliasTable([1.0]).draw(value, seed=0),
    lambda value: pysampler.AliasTable([1.0]).draw(1, seed=value),
    lambda value: pysampler.WeightedRandomSampler([1.0], value),
    lambda value: pysampler.WeightedRandomSampler([1.0], 1, value),
    lambda value: pysampler.WeightedRandomSampler([1.0], 1, method=value),
    lambda value: pysampler.DistributedWeightedSampler([1.0], drop_last=value),
    lambda value: pysampler.WeightedRandomSampler([1.0], seed=0).set_epoch(value),
    lambda value: pysampler.class_weights([0, 1], value),
    lambda value: pysampler.class_weights([0, 1], "power", alpha=value),
    lambda value: pysampler.class_weights([0, 1], targets={0: value, 1: 0.5}),
    lambda value: pysampler.sample_weights([0, 1], combine=value),
    lambda value: pysampler.repeat_factors([0, 1], value),
    lambda value: pysampler.multinomial([1.0], 1, value),
    lambda value: pysampler.Mixture([1, 2], [1, value]),
    lambda value: pysampler.UnderSampler([0, 1], {0: value, 1: 1}),
    lambda value: pysampler.forecast_coverage([1.0]).draws_to_expect(value),
    lambda value: pysampler.DynamicTable([1.0]).importance_weights([0], value),
    lambda value: _state(pysampler.WeightedRandomSampler([1.0], seed=0), "epoch", value),
    lambda value: _state(pysampler.WeightedRandomSampler([1.0], seed=0), "version", value),
    lambda value: _state(pysampler.WeightedRandomSampler([1.0], seed=0), "kind", value),
    lambda value: _state(pysampler.WeightedRandomSampler([1.0], seed=0), "key", value),
    lambda value: _state(pysampler.WeightedRandomSampler([1.0], seed=0), "stream_epoch", value),
    lambda value: _state(pysampler.WeightedRandomSampler([1.0], seed=0), "pinned", value),
    lambda value: _state(pysampler.DynamicTable([1.0]), "version", value),
    lambda value: _state(pysampler.DynamicTable([1.0]), "fingerprint", value),
    lambda value: _state(pysampler.DynamicTable([1.0]), "scale", value),
    lambda value: _state(pysampler.CoverageTracker(3), "num_items", value),
    lambda value: _state(pysampler.CoverageTracker(3), "version", value),
]


def _state(made: Any, name: str, value: Any) -> None:
    made.load_state_dict({**made.state_dict(), name: value})


@pytest.mark.parametrize("place", range(len(_CALLS)))
def test_freed_and_meta_tensors_in_the_place_of_numbers_are_refused(place: int) -> None:
    def errors() -> list[str]:
        said = []
        for value in (freed(), torch.ones(3, device="meta"), torch.ones((), device="meta"), one_freed(), [freed()]):
            with pytest.raises((TypeError, ValueError)) as caught:
                _CALLS[place](value)
            said.append(str(caught.value))
        return said

    assert all(in_child(errors))
