"""Where things lay in version 0.1: pickles name them by these paths, and so may code. Read only by imports."""

from __future__ import annotations

import sys
from functools import partial
from types import ModuleType
from typing import Any

from pysampler.audit import audit, span
from pysampler.forecast import forecast, full_coverage, trials, weight_groups
from pysampler.inputs import indices, numbers, output, weights
from pysampler.samplers import version_1
from pysampler.sources import (
    alias_table,
    alias_table_file,
    class_members,
    class_table,
    class_table_file,
    m_per_class,
    systematic_table,
    under_sampling,
)
from pysampler.sources.base import load_same

_MODULES: dict[str, Any] = {
    "arguments": numbers,
    "coverage.audit": audit,
    "coverage.forecast": forecast,
    "coverage.full_coverage": full_coverage,
    "coverage.indices": indices,
    "coverage.span": span,
    "coverage.trials": trials,
    "coverage.weight_groups": weight_groups,
    "samplers.own_weights": version_1,
    "tables.alias_table_file": alias_table_file,
    "tables.class_members": class_members,
    "tables.class_table_file": class_table_file,
    "tables.output": output,
    "tables.systematic_table": systematic_table,
    "tables.weights": weights,
}
_NAMES: dict[str, dict[str, Any]] = {
    "tables": {},
    "tables.alias_table": {
        "AliasTable": alias_table.AliasTable,
        "_from_bytes": alias_table._from_bytes,
        "_load_same": partial(load_same, alias_table.AliasTable),
    },
    "tables.class_table": {
        "ClassTable": class_table.ClassTable,
        "_from_parts": class_table._from_parts,
        "_load_same": partial(load_same, class_table.ClassTable),
    },
    "samplers.class_rounds": {
        "MPerClassBatches": m_per_class.MPerClassBatches,
        "UnderSampling": under_sampling.UnderSampling,
        "_batches": m_per_class._restored,
        "_undersampling": under_sampling._restored,
    },
}


def register() -> None:
    """Makes the old paths importable."""
    for path, module in _MODULES.items():
        sys.modules.setdefault(f"pysampler.{path}", module)
    for path, names in _NAMES.items():
        module = ModuleType(f"pysampler.{path}", "Moved: see pysampler.sources.")
        module.__dict__.update(names)
        if path == "tables":
            module.__path__ = []
        sys.modules.setdefault(module.__name__, module)
