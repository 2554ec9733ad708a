"""What a way of sampling will do, before anything is drawn: what `pysampler plan` prints.

    SOURCE ─► read_source ─► labels  ─► plan_labels  ─► SamplingPlan ─► text, JSON, pysampler.plots.sampling_plan
                          └► weights ─► plan_weights ─┘

Example:
    >>> plan = plan_labels(["Siamese"] * 160 + ["Birman"] * 10)
    >>> round(plan.forecast.expected_unique, 1), plan.systematic_epochs
    (76.0, 4)
"""

from pysampler.plan.class_plan import ClassPlan
from pysampler.plan.plan import plan_labels, plan_weights
from pysampler.plan.sampling_plan import SamplingPlan
from pysampler.plan.source import Source, read_source
from pysampler.plan.systematic_bound import systematic_coverage_epochs

__all__ = [
    "ClassPlan",
    "SamplingPlan",
    "Source",
    "plan_labels",
    "plan_weights",
    "read_source",
    "systematic_coverage_epochs",
]
