"""DQN with and without prioritised replay: python examples/dqn_replay.py [--quick].

A pole on a cart (gymnasium's CartPole-v1, or with --env cliff the blind cliff walk of Schaul et al. 2016), double
DQN, the same network, buffer and number of updates; only how batches are drawn differs. Draws the learning curves of
all seeds and prints means with standard errors.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import smooth_l1_loss

from pysampler.replay import PrioritizedReplay

GAMMA = 0.99


@dataclass(frozen=True)
class Task:
    """An environment and what is known to work in it.

    Attributes:
        make: Returns a new environment with gymnasium's reset and step.
        random_steps: How many steps are played at random first, before anything is learnt.
        steps: How many are played then.
        explore: In which part of those the share of random actions falls from 1 to 0.02.
        rate: Of Adam.
        batch: How many transitions make an update.
        capacity: Of the replay buffer.
        update_every: Steps between updates.
        copy_every: Updates between copies of the network to the target network.
        goal: What the curves show.
    """

    make: Callable[[], Any]
    random_steps: int
    steps: int
    explore: float
    rate: float
    batch: int
    capacity: int
    update_every: int
    copy_every: int
    goal: str


class BlindCliffWalk:
    """A row of n states; in each, one of two actions goes on, the other falls back to the start. Only the end pays.

    Which action is right differs from state to state, and a state is told by its number alone (one-hot), so nothing
    learnt of one helps in another. At random the end is reached once in 2^n walks.
    """

    def __init__(self, states: int = 10) -> None:
        self._states, self._place = states, 0
        self._right = np.random.default_rng(0).integers(0, 2, states)

    def reset(self, seed: int | None = None) -> tuple[Any, dict[str, Any]]:
        """Returns to the start. The seed changes nothing."""
        self._place = 0
        return self._seen(), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Goes on, or falls."""
        if action != self._right[self._place]:
            return self._seen(), 0.0, True, False, {}
        self._place += 1
        done = self._place == self._states
        self._place = min(self._place, self._states - 1)
        return self._seen(), float(done), done, False, {}

    def _seen(self) -> Any:
        return np.eye(self._states, dtype=np.float32)[self._place]


def cart_pole() -> Any:
    """gymnasium's: 1 per step that the pole stands, at most 500."""
    import gymnasium  # noqa: PLC0415 - optional

    return gymnasium.make("CartPole-v1")


TASKS = {
    "cartpole": Task(cart_pole, 0, 16_000, 0.25, 1e-3, 64, 8_000, 2, 100, "steps the pole stood"),
    "cliff": Task(BlindCliffWalk, 10_000, 4_000, 0.0, 1e-3, 16, 20_000, 1, 100, "walks that reached the end"),
}


class Agent:
    """Double DQN (van Hasselt et al. 2016): a network that values actions, and an older copy for its targets."""

    def __init__(self, inputs: int, actions: int, task: Task) -> None:
        self.network = nn.Sequential(
            nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, actions)
        )
        self.target = copy.deepcopy(self.network)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=task.rate, fused=True)
        self._copy_every, self._updates = task.copy_every, 0

    @torch.no_grad()
    def act(self, state: Any) -> int:
        """The action of the highest value."""
        return int(self.network(torch.as_tensor(state)).argmax())

    def learn(self, replay: PrioritizedReplay, batch: int) -> None:
        """One update."""
        steps, keys, weights = replay.sample(batch)
        with torch.no_grad():
            best = self.network(steps["after"]).argmax(1, keepdim=True)
            future = self.target(steps["after"]).gather(1, best).squeeze(1)
            wanted = steps["reward"] + GAMMA * future * ~steps["over"]
        found = self.network(steps["state"]).gather(1, steps["action"].unsqueeze(1)).squeeze(1)
        loss = (weights * smooth_l1_loss(found, wanted, reduction="none")).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        replay.update(keys, (found - wanted).detach().abs())
        self._updates += 1
        if self._updates % self._copy_every == 0:
            self.target.load_state_dict(self.network.state_dict())


def play(task: Task, prioritised: bool, seed: int, steps: int) -> list[tuple[int, float]]:
    """Learns for some steps; returns the step at which each episode ended and what it was worth."""
    torch.manual_seed(seed)
    rng, environment = np.random.default_rng(seed), task.make()
    state, _ = environment.reset(seed=seed)
    agent = Agent(len(state), 2, task)
    replay = PrioritizedReplay(
        task.capacity, alpha=0.6 if prioritised else 0.0, beta=0.4 if prioritised else 0.0, eps=1e-3, seed=seed
    )
    episodes, worth = [], 0.0
    for step in range(-task.random_steps, steps):
        falling = 1 - step / (task.explore * steps) if task.explore > 0 else float(step < 0)
        explore = max(0.02, falling)
        action = int(rng.integers(2)) if rng.random() < explore else agent.act(state)
        after, reward, over, cut, _ = environment.step(action)
        replay.add(
            {"state": state, "action": action, "reward": float(reward), "after": after, "over": bool(over)}
        )  # fmt: skip
        state, worth = after, worth + float(reward)
        if over or cut:
            if step >= 0:
                episodes.append((step + 1, worth))
            worth = 0.0
            state, _ = environment.reset()
        if prioritised:
            replay.beta = 0.4 + 0.6 * max(0, step) / steps
        if step >= 0 and step % task.update_every == 0 and len(replay) >= 10 * task.batch:
            agent.learn(replay, task.batch)
    return episodes


def curve(episodes: list[tuple[int, float]], steps: int, points: int = 40) -> np.ndarray[Any, Any]:
    """The mean worth of the episodes that ended in each of so many equal stretches; if none did, of those before."""
    ends, worths = np.array(episodes).T
    means = np.full(points, np.nan)
    last = 0.0
    for number, stretch in enumerate(np.array_split(np.arange(steps), points)):
        own = worths[(ends > stretch[0]) & (ends <= stretch[-1] + 1)]
        last = means[number] = own.mean() if len(own) else last
    return means


def draw_curves(curves: dict[str, np.ndarray[Any, Any]], task: Task, steps: int, name: str, path: Path) -> None:
    """Every seed thin, the mean thick."""
    from pysampler.plots._style import PALETTE, dress, figure_legend, new_figure  # noqa: PLC0415 - needs matplotlib

    seeds = len(next(iter(curves.values())))
    figure = new_figure(f"DQN with two ways to draw from the replay buffer ({seeds} seeds)", width=9, height=4.5)
    axes = figure.subplots()
    for colour, (method, values) in zip(PALETTE, curves.items(), strict=False):
        at = (np.arange(values.shape[1]) + 0.5) * steps / values.shape[1]
        axes.plot(at, values.T, color=colour, linewidth=0.6, alpha=0.35)
        axes.plot(at, values.mean(0), color=colour, linewidth=2.4, label=f"{method}, mean")
    dress(axes, name, xlabel="steps played", ylabel=task.goal)
    figure_legend(figure, axes)
    figure.savefig(path)


def main(arguments: list[str] | None = None) -> dict[str, np.ndarray[Any, Any]]:
    """Plays all seeds both ways, prints means and draws the figure; returns curves, shape (seeds, points)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", choices=sorted(TASKS), default="cartpole")
    parser.add_argument("--quick", action="store_true", help="two seeds and few steps: the figures mean nothing")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--out", type=Path, default=None, help="where to draw the curves; dqn_<env>.png")
    options = parser.parse_args(arguments)
    task = TASKS[options.env]
    seeds, steps = (2, 1500) if options.quick else (options.seeds, task.steps)
    torch.set_num_threads(1)  # the network is small
    curves = {}
    print(f"{options.env}: {task.goal}; {seeds} seeds, {steps} steps; mean ± standard error")
    for method in ("uniform", "prioritised"):
        own = np.array([curve(play(task, method == "prioritised", seed, steps), steps) for seed in range(seeds)])
        curves[method] = own
        for part, values in (("over all", own.mean(1)), ("last tenth", own[:, -own.shape[1] // 10 :].mean(1))):
            print(f"{method:12} {part:11} {values.mean():8.2f} ± {values.std(ddof=1) / seeds**0.5:.2f}")
    path = options.out or Path(f"dqn_{options.env}.png")
    draw_curves(curves, task, steps, options.env, path)
    print(f"curves: {path}")
    return curves


if __name__ == "__main__":
    main()
