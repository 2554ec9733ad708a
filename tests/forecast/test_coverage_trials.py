"""Trials agree with the forecast, and with a plain loop over the stream."""

from __future__ import annotations

import dataclasses
import math
import sys

import pytest
import torch
from optional import require

from pysampler import AliasTable, forecast_coverage, sample_weights, simulate_coverage


def balanced(majority: int, minority: int) -> torch.Tensor:
    return sample_weights([0] * majority + [1] * minority)


def test_trials_agree_with_the_forecast_and_would_not_with_a_wrong_one() -> None:
    trials = simulate_coverage(balanced(160, 10), trials=2000, seed=1)
    assert all(abs(deviation) < 5 for deviation in trials.deviations.values())
    wrong = dataclasses.replace(trials, forecast=forecast_coverage(balanced(161, 9)))
    assert abs(wrong.deviations["expected_unique"]) > 5
    epochs = trials.whole_epochs_to_full_coverage.double()
    assert epochs.mean().item() == pytest.approx(11.2, abs=0.3)
    assert epochs.median().item() == 11
    assert epochs.quantile(0.95).item() in (15, 16, 17)


@pytest.mark.parametrize("draws_per_epoch", [1, 6, 500])
def test_trials_count_what_a_plain_loop_over_the_stream_counts(draws_per_epoch: int) -> None:
    table = AliasTable([1.0, 0.0, 3.0, 2.0, 0.5])
    trials = simulate_coverage(table, draws_per_epoch, trials=20, seed=7)
    for trial in range(20):
        drawn = table.draw(5000, seed=7, epoch=trial).tolist()
        full = next(count for count in range(1, 5000) if len(set(drawn[:count])) == 4)
        assert trials.draws_to_full_coverage[trial].item() == full
        assert trials.unique_after_one_epoch[trial].item() == len(set(drawn[:draws_per_epoch]))
        assert trials.whole_epochs_to_full_coverage[trial].item() == math.ceil(full / draws_per_epoch)


def test_trials_show_a_bar_on_request_and_say_what_it_needs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    require("tqdm")
    quiet = simulate_coverage([1.0, 2.0], trials=5)
    assert "trial" not in capsys.readouterr().err
    shown = simulate_coverage([1.0, 2.0], trials=5, progress=True)
    assert "5/5" in capsys.readouterr().err
    assert torch.equal(quiet.draws_to_full_coverage, shown.draws_to_full_coverage)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match="pip install tqdm"):
        simulate_coverage([1.0, 2.0], trials=5, progress=True)


def test_trials_of_a_single_item_need_one_draw() -> None:
    trials = simulate_coverage([0.0, 2.0], trials=3)
    assert trials.draws_to_full_coverage.tolist() == [1, 1, 1]
    assert set(trials.deviations.values()) == {0.0}


def test_trials_that_could_not_end_are_refused() -> None:
    with pytest.raises(ValueError, match=r"draws on average, too many .* in 1000 trials"):
        simulate_coverage([1.0, 1e-9])
    with pytest.raises(ValueError, match="trials=0"):
        simulate_coverage([1.0], trials=0)


def test_an_epoch_too_long_to_be_drawn_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="too many"):
        simulate_coverage([1.0, 2.0], 2**47, trials=1)
