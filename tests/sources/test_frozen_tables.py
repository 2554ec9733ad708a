"""Tables keep their fingerprints: the module as it was compiled, against tests/cpp/table_kat.txt.

A change here breaks every saved state and belongs in the CHANGELOG.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pysampler import AliasTable

SMALLEST, LARGEST = 2.0**-1074, np.finfo(np.float64).max

# What tests/cpp/weight_families.h says of item i of n, for those that need no random numbers.
FAMILIES: dict[str, Callable[[np.ndarray, int], np.ndarray | float]] = {
    "constant": lambda i, n: 1.0,
    "constant tenth": lambda i, n: 0.1,
    "ascending": lambda i, n: i + 1.0,
    "descending": lambda i, n: n - i,
    "class-sorted": lambda i, n: np.where(i < n // 10 * 9, 1, np.where(i < n // 100 * 99, 10, 1000)),
    "two classes by turns": lambda i, n: np.where(i % 2 == 0, 3, 5),
    "power law": lambda i, n: 1 / (i + 1) / (i + 1),
    "first outweighs all": lambda i, n: np.where(i == 0, 1e9, 1),
    "last outweighs all": lambda i, n: np.where(i + 1 == n, 1e30, 1e-3),
    "a few outweigh all": lambda i, n: np.where(i % 1000 == 7, 1e12, 1),
    "all but one zero": lambda i, n: np.where(i == n // 2, 5, 0),
    "one zero among equals": lambda i, n: np.where(i == n // 2, 0, 2),
    "half zero": lambda i, n: np.where(i < n // 2, 0, i + 1),
    "mostly zero": lambda i, n: np.where(i % 97 == 0, 1 + i, 0),
    "masses below one": lambda i, n: np.where(i < n // 2, 1e-12, 1),
    "masses around the small limit": lambda i, n: np.where(i % 3 == 0, 1, 2.0**-26 * (1 + i % 7 * 2.0**-30)),
    "float32 denormals": lambda i, n: (1 + i % 5) * 2.0**-149,
    "float32 maximum": lambda i, n: np.where(i % 2 == 0, np.finfo(np.float32).max, 2.0**100),
    "near 1e308": lambda i, n: np.where(i % 3 == 0, LARGEST, 1e308),
    "1e308 and ones": lambda i, n: np.where(i % 3 == 0, 1e308, 1),
    "maximum and denormals": lambda i, n: np.where(i % 3 == 1, SMALLEST, LARGEST),
    "denormals": lambda i, n: (1 + i % 11) * SMALLEST,
    "one denormal": lambda i, n: np.where(i == n // 3, SMALLEST, 0),
    "denormals and ones": lambda i, n: np.where(i % 4 == 0, 1, SMALLEST),
    "at the prescale limits": lambda i, n: np.where(i % 2 == 0, 2.0**450, 2.0**-450),
    "above the upper prescale limit": lambda i, n: np.where(i % 2 == 0, 1.5 * 2.0**450, 2.0**440),
    "below the lower prescale limit": lambda i, n: np.where(i % 2 == 0, 2.0**-451, 2.0**-480),
}
RANDOM = {"uniform", "1e-30 to 1e30", "small powers of two"}  # C++ alone has these


def _known() -> dict[tuple[str, int], str]:
    text = (Path(__file__).parents[1] / "cpp" / "table_kat.txt").read_text(encoding="utf-8")
    rows = [line.split(maxsplit=3) for line in text.splitlines() if not line.startswith("#")]
    return {(family, int(items)): high + low for low, high, items, family in rows}


KNOWN = _known()


def test_every_known_answer_has_its_weights() -> None:
    assert {name for name, _ in KNOWN} == FAMILIES.keys() | RANDOM


@pytest.mark.parametrize("items", [1000, 66_000])
@pytest.mark.parametrize("name", FAMILIES)
def test_tables_keep_their_fingerprints(name: str, items: int) -> None:
    weights = np.empty(items)
    weights[:] = FAMILIES[name](np.arange(items, dtype=np.float64), items)
    assert AliasTable(weights).fingerprint == KNOWN[name, items]
