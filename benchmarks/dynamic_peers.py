"""Peers of the dynamic table: trees of sums whose weights change, behind one interface."""

from __future__ import annotations

import ctypes
import importlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import pysampler

from .shim import load_shim
from .timing import Unavailable

Weights = npt.NDArray[np.float32]
CSRC = Path(__file__).resolve().parent.parent / "csrc"


@dataclass(frozen=True)
class DynamicPeer:
    """A table over some weights.

    Attributes:
        name: As the tables call it.
        draw: Draws so many items; by what way, says ``how``.
        update: Gives items (int64 tensor) new weights (float32 tensor).
        ones: Draws an item and gives it a weight, so many times, in C++; None if it has no face in C++.
        how: How it is called, in words.
    """

    name: str
    draw: Callable[[int], object]
    update: Callable[[torch.Tensor, torch.Tensor], object]
    ones: Callable[[int], object] | None
    how: str


def _address(array: npt.NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def ours(weights: Weights) -> DynamicPeer:
    """Our table, through Python; one by one through C++."""
    table, epochs = pysampler.DynamicTable(torch.from_numpy(weights)), itertools.count()
    try:
        shim: Any = load_shim("dynamic_ones.cpp", folders=(CSRC,), flags=("-fvisibility=hidden", "-ffp-contract=off"))
    except Unavailable:
        ones = None
    else:
        shim.dynamic_make.restype = ctypes.c_void_p
        made = ctypes.c_void_p(shim.dynamic_make(_address(weights), ctypes.c_int64(len(weights))))
        seeds, values = itertools.count(), weights[::-1].copy()

        def ones(count: int) -> object:
            return shim.dynamic_ones(made, ctypes.c_uint64(next(seeds)), ctypes.c_int64(count), _address(values))

    def draw(count: int) -> object:
        return table.draw(count, seed=1, epoch=next(epochs))

    return DynamicPeer("pysampler", draw, table.update, ones, "DynamicTable.draw returning a new tensor; update")


def binary_tree(weights: Weights) -> DynamicPeer:
    """The plain tree in C++, called through ctypes.

    Raises:
        Unavailable: It cannot be compiled.
    """
    shim: Any = load_shim("sum_tree.cpp")
    shim.sum_tree_make.restype = ctypes.c_void_p
    tree = ctypes.c_void_p(shim.sum_tree_make(_address(weights), ctypes.c_int64(len(weights))))
    seeds, values = itertools.count(1), weights[::-1].copy()

    def draw(count: int) -> object:
        out = np.empty(count, np.int64)
        shim.sum_tree_draw(tree, ctypes.c_uint64(next(seeds)), ctypes.c_int64(count), _address(out))
        return out

    def update(indices: torch.Tensor, new: torch.Tensor) -> None:
        places, numbers = ctypes.c_void_p(indices.data_ptr()), ctypes.c_void_p(new.data_ptr())
        shim.sum_tree_update(tree, places, numbers, ctypes.c_int64(len(indices)))

    def ones(count: int) -> object:
        return shim.sum_tree_ones(tree, ctypes.c_uint64(next(seeds)), ctypes.c_int64(count), _address(values))

    return DynamicPeer("binary sum tree, C++", draw, update, ones, "sum_tree.cpp: doubles, one array, SplitMix64")


def torchrl(weights: Weights) -> DynamicPeer:
    """The tree of torchrl, as its PrioritizedSampler calls it.

    Raises:
        Unavailable: It is not installed, or not for this torch.
    """
    try:
        module: Any = importlib.import_module("torchrl._torchrl")
    except ImportError as error:
        raise Unavailable(f"torchrl's compiled part cannot be imported ({str(error)[:60]})") from error
    items = len(weights)
    tree = module.SumSegmentTreeFp32(items)
    tree.update(np.arange(items), weights)
    rng = np.random.default_rng(1)

    def draw(count: int) -> object:
        return torch.from_numpy(np.asarray(tree.scan_lower_bound(rng.uniform(0.0, tree.query(0, items), count))))

    def update(indices: torch.Tensor, new: torch.Tensor) -> None:
        tree.update(indices.numpy(), new.numpy())

    return DynamicPeer(
        "torchrl SumSegmentTree", draw, update, None, "query, numpy's uniform numbers, scan_lower_bound; update"
    )


def cpprb(weights: Weights) -> DynamicPeer:
    """The prioritised buffer of cpprb, whose sample also gathers one number an item and computes its correction.

    Raises:
        Unavailable: It is not installed.
    """
    try:
        module: Any = importlib.import_module("cpprb")
    except ImportError as error:
        raise Unavailable("cpprb is not installed") from error
    items = len(weights)
    buffer = module.PrioritizedReplayBuffer(items, {"x": {"dtype": np.int8}}, alpha=1.0, eps=0.0)
    buffer.add(x=np.zeros(items, np.int8), priorities=weights)

    def update(indices: torch.Tensor, new: torch.Tensor) -> None:
        buffer.update_priorities(indices.numpy(), new.numpy())

    return DynamicPeer("cpprb", buffer.sample, update, None, "PrioritizedReplayBuffer.sample; update_priorities")


MAKERS = (ours, binary_tree, torchrl, cpprb)
NAMES = ("pysampler", "binary sum tree, C++", "torchrl SumSegmentTree", "cpprb")
