"""Weighted sampling for PyTorch training: exact, reproducible and as fast as memory allows."""

from __future__ import annotations

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

from pysampler._version import __version__
from pysampler.batch_sampler import WeightedBatchSampler
from pysampler.batched_dataset import BatchedDataset
from pysampler.class_rounds import MPerClassBatches, UnderSampling
from pysampler.class_samplers import (
    DistributedMPerClassSampler,
    DistributedUnderSampler,
    MPerClassSampler,
    UnderSampler,
)
from pysampler.class_table import ClassTable
from pysampler.class_weights import class_weights, sample_weights
from pysampler.coverage_audit import CoverageAudit, audit_coverage, positions_of
from pysampler.coverage_classes import ClassCoverage
from pysampler.coverage_tracker import CoverageTracker
from pysampler.coverage_trials import CoverageTrials, simulate_coverage
from pysampler.distributed import DistributedWeightedBatchSampler, DistributedWeightedSampler
from pysampler.forecast import CoverageForecast, forecast_coverage
from pysampler.imbalanced import ImbalancedDatasetSampler
from pysampler.labels import Labels, read_labels
from pysampler.multinomial import multinomial
from pysampler.operators import stream_state
from pysampler.repeat_factors import repeat_counts, repeat_factors, repeat_indices
from pysampler.sampler import WeightedRandomSampler
from pysampler.shuffle import DistributedShuffleSampler, ShuffleSampler
from pysampler.systematic import SystematicTable
from pysampler.table import AliasTable

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
    "ImbalancedDatasetSampler",
    "Labels",
    "MPerClassBatches",
    "MPerClassSampler",
    "ShuffleSampler",
    "SystematicTable",
    "UnderSampler",
    "UnderSampling",
    "WeightedBatchSampler",
    "WeightedRandomSampler",
    "__version__",
    "audit_coverage",
    "class_weights",
    "cpu_target",
    "cpu_targets",
    "forecast_coverage",
    "multinomial",
    "positions_of",
    "read_labels",
    "repeat_counts",
    "repeat_factors",
    "repeat_indices",
    "sample_weights",
    "simulate_coverage",
    "stream_state",
]
