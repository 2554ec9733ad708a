"""The whole grid: every setting, trained once per seed, on one problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pysampler.demo.data import Problem
from pysampler.demo.training import SETTINGS, Recipe, Run, Setting, train


@dataclass(frozen=True)
class Experiment:
    """The results of one problem.

    Attributes:
        problem: The problem as the first seed dealt it.
        recipe: How every network was trained.
        runs: For each setting one run per seed, seeds in the same order.
    """

    problem: Problem
    recipe: Recipe
    runs: dict[Setting, tuple[Run, ...]]


def run_experiment(
    make_problem: Callable[[int], Problem],
    recipe: Recipe,
    seeds: int,
    after_epoch: Callable[[], object] = lambda: None,
) -> Experiment:
    """Trains every setting with the seeds 0, 1, ... seeds - 1.

    A seed deals the images, starts the network and drives the draws, the same way in all four
    settings, so two settings can be compared seed by seed.

    Args:
        make_problem: Makes the problem from a seed.
        recipe: How to train.
        seeds: Number of seeds, at least 1.
        after_epoch: Called after each epoch of each run, for progress.
    """
    problems = [make_problem(seed) for seed in range(seeds)]
    runs: dict[Setting, list[Run]] = {setting: [] for setting in SETTINGS}
    for seed, problem in enumerate(problems):
        for setting in SETTINGS:
            runs[setting].append(train(problem, setting, recipe, seed, after_epoch))
    return Experiment(problems[0], recipe, {setting: tuple(own) for setting, own in runs.items()})
