"""A sampler that follows losses, against uniform and class-balanced draws: python examples/hard_examples.py [--quick].

Real images (scikit-learn's digits, 8 x 8 pixels), of which ten classes are kept long-tailed: 108 of the most frequent
to 11 of the rarest. A network of one hidden layer sees the same number of images whichever sampler draws them; each
image's weight is its last loss, updated after every batch. Once with the labels as they are, once with a tenth of
them wrong. Prints a table of means over seeds, with standard errors, and draws the learning curves.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pysampler import DynamicTable, WeightedBatchSampler, WeightedRandomSampler, sample_weights, smoothed

CLASSES, MOST, LEAST, TEST_EACH = 10, 108, 11, 65
BATCH, EVALUATE_EVERY = 32, 60
# What smaller losses count as. An image learnt is drawn 23 times less often than one at log(10), the loss of a guess;
# with the sharp floor 2300 times less often.
FLOOR, SHARP = 0.1, 0.001
METHODS = ("uniform", "class-balanced", "losses", "losses, sharp", "losses, sharp, corrected")
FLIPPED = (0.0, 0.1)


@dataclass(frozen=True)
class Images:
    """Training and test images, shape (n, 1, 8, 8); ``wrong`` marks the training images whose label was changed."""

    train: Tensor
    labels: Tensor
    wrong: Tensor
    test: Tensor
    test_labels: Tensor


@dataclass
class Run:
    """What one training gave. Lists have one entry per evaluation.

    Attributes:
        recalls: Mean recall of the classes on the test images.
        log_losses: Mean of the classes' mean -log p(right label) on the test images.
        wrong_share: Of all draws, the share that went to images with a wrong label.
        unseen: The share of training images with a right label that the last third of the draws left out.
    """

    recalls: list[float]
    log_losses: list[float]
    wrong_share: float
    unseen: float


def make_images(seed: int, flipped: float) -> Images:
    """Another split, another order of rarity and other wrong labels for every seed."""
    digits, rng = load_digits(), np.random.default_rng(seed)
    pixels = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    counts = np.geomspace(MOST, LEAST, CLASSES).round().astype(int)
    train, test = [], []
    for rank, label in enumerate(rng.permutation(CLASSES)):
        of_class = rng.permutation(np.flatnonzero(digits.target == label))
        test.append(of_class[:TEST_EACH])
        train.append(of_class[TEST_EACH : TEST_EACH + counts[rank]])
    chosen, held_out = np.concatenate(train), np.concatenate(test)
    labels = torch.tensor(digits.target[chosen])
    wrong = torch.zeros(len(chosen), dtype=torch.bool)
    wrong[rng.permutation(len(chosen))[: round(flipped * len(chosen))]] = True
    other = torch.tensor(rng.integers(1, CLASSES, len(chosen)))
    labels = torch.where(wrong, (labels + other) % CLASSES, labels)
    return Images(pixels[chosen], labels, wrong, pixels[held_out], torch.tensor(digits.target[held_out]))


def make_network() -> nn.Module:
    """One hidden layer: enough for 64 pixels, and quick."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, CLASSES))


def train(images: Images, method: str, seed: int, batches: int) -> Run:
    """Trains on ``batches`` batches that ``method`` draws."""
    torch.manual_seed(seed)
    network = make_network()
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3, fused=True)
    items = len(images.labels)
    floor = SHARP if "sharp" in method else FLOOR
    # Nothing is known yet: all start at the loss of a guess, so that each is soon drawn once.
    table = DynamicTable(smoothed(torch.full((items,), np.log(CLASSES), dtype=torch.float32), floor))
    if method.startswith("losses"):
        weights = table
    else:
        weights = sample_weights(images.labels) if method == "class-balanced" else torch.ones(items)
    sampler = WeightedBatchSampler(WeightedRandomSampler(weights, batches * BATCH, seed=seed), BATCH)
    run, drawn = Run([], [], 0.0, 0.0), []
    for number, batch in enumerate(sampler, 1):
        indices = torch.as_tensor(batch)
        losses = cross_entropy(network(images.train[indices]), images.labels[indices], reduction="none")
        if "corrected" in method:
            loss = (losses * table.importance_weights(indices, 1.0, "table")).mean()
        else:
            loss = losses.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        table.update(indices, smoothed(losses.detach(), floor))
        drawn.append(indices)
        if number % EVALUATE_EVERY == 0 or number == batches:
            evaluate(network, images, run)
    all_drawn = torch.cat(drawn)
    run.wrong_share = float(images.wrong[all_drawn].float().mean())
    seen = torch.zeros(items, dtype=torch.bool)
    seen[all_drawn[len(all_drawn) * 2 // 3 :]] = True
    run.unseen = float((~seen[~images.wrong]).float().mean())
    return run


@torch.no_grad()
def evaluate(network: nn.Module, images: Images, run: Run) -> None:
    """Notes how well the test images are told apart; there are as many of each class."""
    scores = network(images.test)
    run.recalls.append(float((scores.argmax(1) == images.test_labels).float().mean()))
    run.log_losses.append(float(cross_entropy(scores, images.test_labels)))


def draw_curves(runs: dict[tuple[float, str], list[Run]], path: Path) -> None:
    """Mean test error of each method against the number of images seen, with standard errors."""
    from pysampler.plots._style import class_colours, dress, new_figure  # noqa: PLC0415 - needs matplotlib

    seeds = len(next(iter(runs.values())))
    figure = new_figure(f"Draws that follow losses, on long-tailed digits ({seeds} seeds)", width=11, height=4.2)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, flipped in zip(panels, FLIPPED, strict=True):
        for colour, method in zip(class_colours(len(METHODS)), METHODS, strict=True):
            errors = 1 - np.array([run.recalls for run in runs[flipped, method]])
            seen = np.arange(1, errors.shape[1] + 1) * EVALUATE_EVERY * BATCH
            middle, spread = errors.mean(0), errors.std(0, ddof=1) / seeds**0.5
            axes.plot(seen, middle, color=colour, label=method, linewidth=1.8)
            axes.fill_between(seen, middle - spread, middle + spread, color=colour, alpha=0.2, linewidth=0)
        title = "labels as they are" if flipped == 0 else f"{flipped:.0%} of the labels wrong"
        dress(axes, title, xlabel="images seen", ylabel="test error, mean of classes" if flipped == 0 else "")
        axes.set_yscale("log")
        axes.set_ylim(0.04, 0.6)
        axes.set_yticks([0.05, 0.1, 0.2, 0.5], minor=False)
        axes.yaxis.set_minor_locator(type(axes.yaxis.get_minor_locator())(subs=[]))
        percent_ticks(axes)
    panels[1].legend(frameon=False)
    figure.savefig(path)


def percent_ticks(axes: object) -> None:
    """Shares as per cent, whatever the scale."""
    import matplotlib.ticker  # noqa: PLC0415 - optional

    axes.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(xmax=1, decimals=0))  # type: ignore[attr-defined]


def mean_and_error(values: list[float], unit: float = 1.0) -> str:
    """A mean and its standard error."""
    array = np.array(values) * unit
    return f"{array.mean():6.2f} ± {array.std(ddof=1) / len(array) ** 0.5:4.2f}"


def main(arguments: list[str] | None = None) -> dict[tuple[float, str], list[Run]]:
    """Trains with every method and seed, prints the table and draws the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two seeds and few batches: the figures mean nothing")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--batches", type=int, default=1200, help=f"of {BATCH} images")
    parser.add_argument("--out", type=Path, default=Path("hard_examples.png"), help="where to draw the curves")
    options = parser.parse_args(arguments)
    seeds, batches = (2, 2 * EVALUATE_EVERY) if options.quick else (options.seeds, options.batches)
    torch.set_num_threads(1)  # the network is small
    runs: dict[tuple[float, str], list[Run]] = {}
    print(f"{seeds} seeds, {batches} batches of {BATCH}; means ± standard errors, in per cent but for the log loss")
    for flipped in FLIPPED:
        print(f"\n{flipped:.0%} of the labels wrong")
        print(f"{'draws':25} {'lowest error':>14} {'last error':>14} {'last log loss':>14} {'draws of wrong':>15} "
              f"{'unseen at last':>15}")  # fmt: skip
        for method in METHODS:
            own = runs[flipped, method] = [
                train(make_images(seed, flipped), method, seed, batches) for seed in range(seeds)
            ]
            columns = [
                mean_and_error([1 - max(run.recalls) for run in own], 100),
                mean_and_error([1 - run.recalls[-1] for run in own], 100),
                mean_and_error([run.log_losses[-1] for run in own]),
                mean_and_error([run.wrong_share for run in own], 100),
                mean_and_error([run.unseen for run in own], 100),
            ]
            print(f"{method:25} {columns[0]:>14} {columns[1]:>14} {columns[2]:>14} {columns[3]:>15} {columns[4]:>15}")
    draw_curves(runs, options.out)
    print(f"\ncurves: {options.out}")
    return runs


if __name__ == "__main__":
    main()
