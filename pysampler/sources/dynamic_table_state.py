"""States of dynamic tables: a dict of numbers, strings and tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from pysampler.inputs.memory import check_dense
from pysampler.inputs.shown import shown
from pysampler.sources.dynamic_table_file import DynamicTableParts

_VERSION = 1
_KEYS = {"version", "source", "weights", "scale", "capacity", "fingerprint"}


def written(parts: DynamicTableParts) -> dict[str, Any]:
    """Returns the state of a table that is made of these parts."""
    return {
        "version": _VERSION,
        "source": "DynamicTable",
        "weights": parts.weights,
        "scale": parts.scale,
        "capacity": parts.capacity,
        "fingerprint": parts.fingerprint,
    }


def is_text(value: Any, expected: str) -> bool:
    """Whether a state says this: it may hold anything, tensors too, which compare entry by entry."""
    return isinstance(value, str) and value == expected


def read(state: Any, dtype: torch.dtype | None) -> tuple[DynamicTableParts, Mapping[str, Any] | None]:
    """Returns what a state says: parts of a table of this dtype (None: of any), and its log if it has one.

    Whether the parts belong together is seen when a table is made of them.

    Raises:
        ValueError: Not such a state, or of another dtype.
    """
    if not isinstance(state, Mapping) or set(state) - {"log"} != _KEYS or not is_text(state["source"], "DynamicTable"):
        raise ValueError("this is no state of a DynamicTable")
    if type(state["version"]) is not int or state["version"] != _VERSION:
        raise ValueError(f"the state has version {shown(state['version'])}; this pysampler reads {_VERSION}")
    weights, log = state["weights"], state.get("log")
    wanted = (torch.float32, torch.float64) if dtype is None else (dtype,)
    if not isinstance(weights, torch.Tensor) or weights.ndim != 1 or weights.dtype not in wanted:
        raise ValueError(f"the state's weights must be a 1-d tensor of the table's {' or '.join(map(str, wanted))}")
    check_dense(weights, "the state's weights")
    if log is not None and not isinstance(log, Mapping):
        raise ValueError(f"the log in the state is damaged: it is a {type(log).__name__}")
    return DynamicTableParts(weights, state["scale"], len(weights), state["fingerprint"]), log
