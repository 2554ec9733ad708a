"""What no class table can be made of or drawn with is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from pysampler import AliasTable, ClassTable, Labels, _core

CATS = ["Siamese"] * 160 + ["Birman"] * 10


def test_a_mapping_gives_weights_by_name() -> None:
    by_name = ClassTable(CATS, {"Birman": 16, "Siamese": 1})
    assert by_name.fingerprint == ClassTable(CATS, [16, 1]).fingerprint
    with pytest.raises(ValueError, match="class_weights name 'Persian', which is none of the classes"):
        ClassTable(CATS, {"Birman": 1, "Siamese": 1, "Persian": 1})
    with pytest.raises(ValueError, match="class_weights must name every class that has items, but 'Siamese'"):
        ClassTable(CATS, {"Birman": 1})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], r"one weight per class, 2, but their shape is \(1,\)"),
        ([[1.0, 2.0]], r"their shape is \(1, 2\)"),
        ([1.0, float("nan")], "that of 'Siamese' is nan"),
        ([1.0, float("inf")], "that of 'Siamese' is inf"),
        ([-1.0, 1.0], r"that of 'Birman' is -1.0 \(1 of 2 are invalid\)"),
        ([0.0, 0.0], "no class that has items has a positive weight"),
        ({"Birman": float("nan"), "Siamese": 1}, "that of 'Birman' is nan"),
    ],
)
def test_wrong_class_weights_are_named(weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClassTable(CATS, weights)


def test_wrong_types_of_weights_are_named() -> None:
    with pytest.raises(TypeError, match="class_weights must be numbers, but that of 'Birman' is 'x'"):
        ClassTable(CATS, {"Birman": "x", "Siamese": 1})
    for weights in ("ab", [1j, 2j], object()):
        with pytest.raises(TypeError, match="weights must be"):
            ClassTable(CATS, weights)


@pytest.mark.parametrize(
    "labels",
    [
        Labels(np.array([0, 1, 5]), None, (0, 1)),
        Labels(np.array([0, -1, 1]), None, (0, 1)),
        Labels(np.array([0, 1, 0]), np.array([0, 9, 3]), (0, 1)),
        Labels(np.array([0, 1, 0]), np.array([0, 2]), (0, 1)),
        Labels(np.array([1, 1, 0]), np.array([0, 2, 3]), (0, 1)),
    ],
)
def test_labels_made_by_hand_cannot_lead_outside(labels: Labels) -> None:
    with pytest.raises(ValueError, match=r"class indices|offsets|twice"):
        ClassTable(labels, [1.0, 1.0])


@pytest.mark.parametrize(
    "arguments",
    [
        {"n": -1, "seed": 0},
        {"n": 1, "seed": 2**64},
        {"n": 1, "seed": 0, "epoch": 2**48},
        {"n": 1, "seed": 0, "start": -1},
        {"n": 1, "seed": 0, "step": 0},
        {"n": 2, "seed": 0, "start": 2**63 - 1},
        {"n": 2, "seed": 0, "out": torch.empty(3, dtype=torch.int64)},
    ],
)
def test_wrong_arguments_of_draws_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        ClassTable(CATS, [1, 1]).draw(**arguments)


def test_damaged_parts_are_refused() -> None:
    core = type(ClassTable(CATS, [1, 1])._members.core)
    ranges = np.array([2 | 0 << 32, 1 | 2 << 32], np.uint64)  # sizes 2 and 1
    members = np.array([0, 1, 2], np.uint32)
    sound = core.over(ranges.tobytes(), members.tobytes(), 3, True, 1)
    for wrong, of, items in [
        (np.array([2, 2 | 2 << 32], np.uint64).tobytes(), members.tobytes(), 3),
        (np.array([3, 1], np.uint64).tobytes(), None, 2),
        (ranges.tobytes(), np.array([0, 1, 3], np.uint32).tobytes(), 3),
        (ranges.tobytes()[:7], members.tobytes(), 3),
        (ranges.tobytes(), members.tobytes()[:11], 3),
        (b"", members.tobytes(), 3),
        (ranges.tobytes(), members.tobytes(), 0),
    ]:
        with pytest.raises(ValueError, match=r"damaged|must be"):
            core.over(wrong, of, items, True, 1)
    classes = AliasTable([1.0, 1.0])._core
    empty = core.over(np.array([3, 0 | 3 << 32], np.uint64).tobytes(), None, 3, True, 1)
    assert _core.ClassTable(classes, sound) is not None
    with pytest.raises(ValueError, match="classes without items"):
        _core.ClassTable(classes, empty)
    with pytest.raises(ValueError, match="an entry per class"):
        _core.ClassTable(AliasTable([1.0])._core, sound)
