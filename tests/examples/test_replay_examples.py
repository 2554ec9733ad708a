"""The examples of draws that change while training: DQN with prioritised replay, and a sampler that follows losses."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from optional import require


@pytest.fixture(autouse=True, scope="module")
def as_it_was() -> Iterator[None]:
    """The examples set one thread."""
    require("matplotlib")
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def dqn() -> Any:
    return importlib.import_module("dqn_replay")


@pytest.fixture(scope="module")
def hard() -> Any:
    require("sklearn")
    return importlib.import_module("hard_examples")


def is_png(path: Path) -> bool:
    return path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and path.stat().st_size > 10_000


def test_dqn_runs_quickly_on_the_cliff_and_draws_its_curves(
    dqn: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    curves = dqn.main(["--quick", "--env", "cliff", "--out", str(tmp_path / "curves.png")])
    assert set(curves) == {"uniform", "prioritised"}
    for values in curves.values():
        assert values.shape == (2, 40)
        assert ((values >= 0) & (values <= 1)).all()
    assert is_png(tmp_path / "curves.png")
    printed = capsys.readouterr().out
    for method, values in curves.items():
        assert f"{method:12} over all    {values.mean():8.2f} ±" in printed


def test_dqn_runs_quickly_on_cartpole(dqn: Any, tmp_path: Path) -> None:
    require("gymnasium")
    curves = dqn.main(["--quick", "--env", "cartpole", "--out", str(tmp_path / "curves.png")])
    for values in curves.values():
        assert values.max() > 8
        assert values.max() <= 500
    assert is_png(tmp_path / "curves.png")


def test_the_cliff_walk_pays_at_its_end_only_and_falls_at_a_wrong_step(dqn: Any) -> None:
    walk = dqn.BlindCliffWalk(5)
    state, _ = walk.reset()
    right = []
    for place in range(5):
        assert state.argmax() == place
        probe = dqn.BlindCliffWalk(5)
        probe.reset()
        for action in right:
            probe.step(action)
        fallen = probe.step(0)
        right.append(1 if (fallen[2] and place < 4) or (fallen[1] == 0 and place == 4) else 0)
        state, reward, over, cut, _ = walk.step(right[-1])
        assert (reward, over, cut) == (float(place == 4), place == 4, False)


def test_equal_seeds_play_the_same(dqn: Any) -> None:
    task = dqn.TASKS["cliff"]
    first = dqn.play(task, True, 5, 300)
    assert dqn.play(task, True, 5, 300) == first
    assert dqn.play(task, True, 6, 300) != first


def test_curves_are_means_of_the_episodes_that_end_in_a_stretch(dqn: Any) -> None:
    found = dqn.curve([(3, 1.0), (10, 3.0), (11, 5.0), (40, 9.0)], steps=40, points=4)
    assert found.tolist() == [2.0, 5.0, 5.0, 9.0]


def test_hard_examples_run_quickly_and_draw_their_curves(
    hard: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = hard.main(["--quick", "--out", str(tmp_path / "curves.png")])
    assert set(runs) == {(flipped, method) for flipped in hard.FLIPPED for method in hard.METHODS}
    printed = capsys.readouterr().out
    for own in runs.values():
        errors = np.array([1 - run.recalls[-1] for run in own]) * 100
        assert 0 < errors.max() < 75  # 90 is a guess
        assert f"{errors.mean():6.2f} ±" in printed
    for flipped in hard.FLIPPED:
        shares = {method: np.mean([run.wrong_share for run in runs[flipped, method]]) for method in hard.METHODS}
        if flipped:
            assert shares["losses"] > shares["uniform"]  # wrong labels are what the sampler finds
        else:
            assert set(shares.values()) == {0.0}
    assert is_png(tmp_path / "curves.png")


def test_the_images_are_long_tailed_and_as_many_labels_wrong_as_asked_for(hard: Any) -> None:
    clean, noisy = hard.make_images(3, 0.0), hard.make_images(3, 0.1)
    assert sorted(clean.labels.bincount().tolist())[::9] == [hard.LEAST, hard.MOST]
    assert int(clean.wrong.sum()) == 0
    assert int(noisy.wrong.sum()) == round(0.1 * len(noisy.labels))
    assert torch.equal(clean.train, noisy.train)
    assert torch.equal(clean.labels != noisy.labels, noisy.wrong)
    assert (clean.test_labels.bincount() == hard.TEST_EACH).all()
    both = torch.cat([clean.train, clean.test]).flatten(1)
    assert len(both.unique(dim=0)) == len(both)  # no test image is trained on
