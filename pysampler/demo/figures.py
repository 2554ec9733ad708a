"""The demo's figures, drawn from the batches recorded while it trained."""

from __future__ import annotations

from pathlib import Path

from pysampler import plots
from pysampler.demo.experiment import Experiment
from pysampler.demo.training import Setting


def save_figures(experiment: Experiment, folder: Path) -> list[Path]:
    """Draws what the first seed's networks were shown, without augmentation, as three PNG files.

    Args:
        experiment: A problem's results.
        folder: An existing folder; files of the same names are replaced.

    Returns:
        The files: class mix per batch, draws per image, coverage over epochs.
    """
    problem = experiment.problem
    labels, names = problem.train_labels.numpy(), problem.class_names
    shuffled, weighted = (experiment.runs[Setting(over, False)][0].epochs for over in (False, True))
    mix = {}
    for how, epochs in (("Shuffled", shuffled), ("WeightedRandomSampler", weighted)):
        counts = plots.class_counts_per_batch(epochs[0], labels, len(names))
        rare = f"{counts[:, -1].mean():.1f} images of {names[-1]}"
        mix[f"{how}: on average {rare} in a batch"] = counts
    seen = plots.unique_items_seen(weighted, labels, len(names))
    sizes = problem.class_counts.tolist()
    legend = [f"{name} ({size})" for name, size in zip(names, sizes, strict=True)]
    where = f"{problem.name}, {len(labels)} training images"
    figures = {
        "class-mix": plots.class_mix_per_batch(mix, legend, title=f"What each batch is made of: {where}"),
        "draws": plots.draws_per_item(
            plots.draws_of_each_item(weighted[0], len(labels)),
            labels,
            legend,
            title=f"One epoch with WeightedRandomSampler: {where}",
        ),
        "coverage": plots.coverage_curve(
            seen,
            sizes,
            legend,
            share=len(names) > 2,
            title=f"When has every image been seen? {where}",
        ),
    }
    paths = []
    for name, figure in figures.items():
        path = folder / f"{problem.name.replace(' ', '-')}-{name}.png"
        figure.savefig(path)
        paths.append(path)
    return paths
