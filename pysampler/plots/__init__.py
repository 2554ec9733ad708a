"""Figures that show what a weighted sampler does to the data that a model sees.

Each figure is one call. It draws the arrays given to it, and keeps what it drew as ``figure.data``, so that the numbers
behind a picture can be checked, saved or drawn some other way. Companions, which need numpy only, turn recorded batches
into these arrays:

    batches of item indices ─► class_counts_per_batch ─► class_mix_per_batch
                            ├► draws_of_each_item     ─► draws_per_item
                            └► unique_items_seen      ─► coverage_curve

What the rest of the package returns is taken as it is:

    counts of a CoverageTracker or an audit           ─► draws_per_item
    [class_coverage() of these after each epoch, ...] ─► coverage_curve
    simulate_coverage ─► epochs_to_full_coverage, imbalance_sweep
    pysampler.plan    ─► sampling_plan
    images, scores    ─► example_images, training_scores

``examples/oxford_pets_article.py`` draws every figure of an article on imbalance with them: pictures of the classes;
batches shuffled, weighted, without replacement, of a longer epoch, and of target proportions; draws per image; images
seen over epochs; epochs until all are seen, and the same for six imbalances; scores with and without oversampling.

The figures need matplotlib (``pip install "pysampler[plots]"``), imported when the first is drawn.
They never touch pyplot or any global setting: save one with ``figure.savefig("mix.png")``; where a notebook's cell ends
with one, it is shown. Names in scripts that matplotlib's font lacks are drawn with an installed font that has them.
"""

from pysampler.plots._class_mix import class_mix_per_batch
from pysampler.plots._coverage import coverage_curve
from pysampler.plots._full_coverage import epochs_to_full_coverage, imbalance_sweep
from pysampler.plots._images import example_images
from pysampler.plots._item_draws import draws_per_item
from pysampler.plots._plan import sampling_plan
from pysampler.plots._records import class_counts_per_batch, draws_of_each_item, unique_items_seen
from pysampler.plots._scores import training_scores

__all__ = [
    "class_counts_per_batch",
    "class_mix_per_batch",
    "coverage_curve",
    "draws_of_each_item",
    "draws_per_item",
    "epochs_to_full_coverage",
    "example_images",
    "imbalance_sweep",
    "sampling_plan",
    "training_scores",
    "unique_items_seen",
]
