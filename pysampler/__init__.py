"""Weighted sampling for PyTorch training: exact, reproducible and as fast as memory allows."""

from __future__ import annotations

from pysampler import main_interpreter  # noqa: F401 - refuses all others, before the compiled part would hang

try:
    from pysampler import _core
except ImportError as error:
    if "_core" not in str(error):
        raise
    raise ImportError(
        "pysampler's compiled part (_core) is missing. If Python found the source folder instead of the "
        "installed package, install it in place: pip install -e . (in the folder that holds setup.py), "
        f"or start Python from another folder. [{error}]"
    ) from error

from pysampler import dynamic_operator as _dynamic_operator  # noqa: F401 - registers torch.ops.pysampler.draw_dynamic
from pysampler import rows_operator as _rows_operator  # noqa: F401 - registers torch.ops.pysampler.multinomial
from pysampler._version import __version__
from pysampler.audit.audit import CoverageAudit, audit_coverage, positions_of
from pysampler.coverage.classes import ClassCoverage
from pysampler.coverage.tracker import CoverageTracker
from pysampler.forecast.forecast import CoverageForecast, forecast_coverage
from pysampler.forecast.trials import CoverageTrials, simulate_coverage
from pysampler.labels.class_weights import class_weights, sample_weights
from pysampler.labels.read import Labels, read_labels
from pysampler.labels.repeat_factors import repeat_counts, repeat_factors, repeat_indices
from pysampler.labels.target_shares import complete_targets
from pysampler.moved import register as register_moved_names
from pysampler.multinomial import multinomial
from pysampler.operators import stream_state
from pysampler.samplers.batched_dataset import BatchedDataset
from pysampler.samplers.batches import WeightedBatchSampler
from pysampler.samplers.class_samplers import (
    DistributedMPerClassSampler,
    DistributedUnderSampler,
    MPerClassSampler,
    UnderSampler,
)
from pysampler.samplers.distributed import DistributedWeightedBatchSampler, DistributedWeightedSampler
from pysampler.samplers.imbalanced import ImbalancedDatasetSampler
from pysampler.samplers.shuffle import DistributedShuffleSampler, ShuffleSampler
from pysampler.samplers.weighted_random import WeightedRandomSampler
from pysampler.sources.alias_table import AliasTable
from pysampler.sources.base import Source, python_draws
from pysampler.sources.class_table import ClassTable
from pysampler.sources.dynamic_table import DynamicTable
from pysampler.sources.loss_weights import smoothed
from pysampler.sources.m_per_class import MPerClassBatches
from pysampler.sources.mixture import Mixture
from pysampler.sources.mixture_schedule import piecewise_linear
from pysampler.sources.mixture_shares import epochs, temperature, unimax
from pysampler.sources.shuffle import Shuffle
from pysampler.sources.systematic_table import SystematicTable
from pysampler.sources.under_sampling import UnderSampling

register_moved_names()

cpu_target = _core.cpu_target
cpu_targets = _core.cpu_targets

__all__ = [
    "AliasTable",
    "BatchedDataset",
    "ClassCoverage",
    "ClassTable",
    "CoverageAudit",
    "CoverageForecast",
    "CoverageTracker",
    "CoverageTrials",
    "DistributedMPerClassSampler",
    "DistributedShuffleSampler",
    "DistributedUnderSampler",
    "DistributedWeightedBatchSampler",
    "DistributedWeightedSampler",
    "DynamicTable",
    "ImbalancedDatasetSampler",
    "Labels",
    "MPerClassBatches",
    "MPerClassSampler",
    "Mixture",
    "Shuffle",
    "ShuffleSampler",
    "Source",
    "SystematicTable",
    "UnderSampler",
    "UnderSampling",
    "WeightedBatchSampler",
    "WeightedRandomSampler",
    "__version__",
    "audit_coverage",
    "class_weights",
    "complete_targets",
    "cpu_target",
    "cpu_targets",
    "epochs",
    "forecast_coverage",
    "multinomial",
    "piecewise_linear",
    "positions_of",
    "python_draws",
    "read_labels",
    "repeat_counts",
    "repeat_factors",
    "repeat_indices",
    "sample_weights",
    "simulate_coverage",
    "smoothed",
    "stream_state",
    "temperature",
    "unimax",
]
