"""What tables and draws must be, computed slowly: Philox, the stream, the draw, masses and fingerprints.

Written from the published algorithms and the format's description, not from the C++ sources. The functions on words
take Python ints or NumPy uint64 arrays alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from pysampler import AliasTable

MASK32 = 0xFFFFFFFF
MASK64 = 0xFFFFFFFFFFFFFFFF
SLOT_MASS = 2**32
DRAW_TAG, RACE_TAG, SEEN_TAG = 0, 4, 5

Array = np.ndarray[Any, Any]


def philox4x32_10(counter: tuple[Any, Any, Any, Any], key: tuple[int, int]) -> tuple[Any, Any, Any, Any]:
    """Philox4x32-10 of Salmon, Moraes, Dror and Shaw (2011): four 32-bit words for a counter and a key."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        first, second = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (second >> 32) ^ c1 ^ k0, second & MASK32, (first >> 32) ^ c3 ^ k1, first & MASK32
        k0, k1 = (k0 + 0x9E3779B9) & MASK32, (k1 + 0xBB67AE85) & MASK32
    return c0, c1, c2, c3


def word(seed: int, epoch: int, position: Any, tag: int = DRAW_TAG) -> Any:
    """The 64 random bits at a position: low or high half of block 8 * (position // 16) + position % 8."""
    key = seed % 2**64
    high = tag << 56 | epoch
    block = position // 16 * 8 + position % 8
    counter = (block & MASK32, block >> 32, high & MASK32, high >> 32)
    w0, w1, w2, w3 = philox4x32_10(counter, (key & MASK32, key >> 32))
    low_half, high_half = w0 | w1 << 32, w2 | w3 << 32
    if isinstance(position, int):
        return high_half if position // 8 % 2 else low_half
    return np.where(position // 8 % 2 == 1, high_half, low_half)


def scaled(word: Any, items: int) -> Any:
    """floor(word * items / 2^32) without needing more than 64 bits."""
    return (word >> 32) * items + ((word & MASK32) * items >> 32)


def entries_of(table: AliasTable) -> Array:
    """A table's slots as uint64: the threshold in the low 32 bits, the alias in the high ones."""
    entries: Array = np.frombuffer(memoryview(table._core), dtype=np.uint64)
    return entries


def resolve(entries: Array, words: Array) -> Array:
    """The items that random words lead to."""
    points = scaled(words, len(entries))
    slots = points >> 32
    entry = entries[slots]
    items: Array = np.where((points & MASK32) < (entry & MASK32), slots, entry >> 32).astype(np.int64)
    return items


def draws(table: AliasTable, seed: int, epoch: int, positions: Iterable[int]) -> Array:
    """What ``table`` must draw at the given positions."""
    where = np.fromiter(positions, dtype=np.uint64) if not isinstance(positions, np.ndarray) else positions
    return resolve(entries_of(table), word(seed, epoch, where.astype(np.uint64)))


def masses(table: AliasTable) -> Array:
    """The integer mass of every item, rebuilt from the slots. A slot that is its own alias is wholly its item's."""
    entries = entries_of(table)
    slots = np.arange(len(entries), dtype=np.uint64)
    aliases = entries >> 32
    own = np.where(aliases == slots, SLOT_MASS, entries & MASK32).astype(np.uint64)
    result = own.copy()
    np.add.at(result, aliases, SLOT_MASS - own)
    return result


def race_order(weights: Array, seed: int, epoch: int = 0, first_position: int = 0) -> list[int]:
    """All positive items in the order of -ln(1 - V) / weight, V being the uniform number at the item's position."""
    positions = np.arange(first_position, first_position + len(weights), dtype=np.uint64)
    uniform = (word(seed, epoch, positions, RACE_TAG).astype(np.longdouble) + 0.5) / np.longdouble(2.0**64)
    arrivals = -np.log1p(-uniform) / np.where(weights > 0, weights, 1).astype(np.longdouble)
    order = np.argsort(np.where(weights > 0, arrivals, np.inf), kind="stable")
    arriving: list[int] = order[: np.count_nonzero(weights > 0)].tolist()
    return arriving


def first_seen_order(table: AliasTable, seed: int, epoch: int = 0) -> list[int]:
    """The items that as many draws as there are items bring, each where it came first."""
    positions = np.arange(len(table), dtype=np.uint64)
    return list(dict.fromkeys(resolve(entries_of(table), word(seed, epoch, positions, SEEN_TAG)).tolist()))


def mix(z: int) -> int:
    """The finaliser of SplitMix64."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK64
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK64
    return z ^ z >> 31


def flat(lists: Iterable[list[Any]]) -> list[Any]:
    """All elements of all lists: what a loop over batches has seen."""
    return [element for one in lists for element in one]


def fingerprint(entries: Iterable[int]) -> str:
    """The fingerprint of a table with these slots."""
    low = high = count = 0
    for count, entry in enumerate(entries, start=1):
        mixed = mix((int(entry) + count * 0x9E3779B97F4A7C15) & MASK64)
        low, high = low + mixed, high + mix(mixed ^ 0xD1B54A32D192ED03)
    return f"{mix((high + count) & MASK64):016x}{mix(low & MASK64 ^ count):016x}"


def exact_integers(weights: Array) -> list[int]:
    """Integers in exactly the proportions of float weights."""
    ratios = [float(weight).as_integer_ratio() for weight in weights]
    denominator = max(denominator for _, denominator in ratios)  # all are powers of two
    return [numerator * (denominator // own) for numerator, own in ratios]


def check_masses(table: AliasTable, weights: Array) -> None:
    """Asserts every promise about masses, in exact integers: sum, zeros, positivity and the bound on deviations."""
    found = [int(mass) for mass in masses(table)]
    exact = exact_integers(weights)
    items, total = len(exact), sum(exact)
    assert len(found) == items
    assert sum(found) == items * SLOT_MASS
    for index, (mass, weight) in enumerate(zip(found, exact, strict=True)):
        assert (mass > 0) == (weight > 0), f"item {index}: weight {weights[index]!r} has mass {mass}"
        ideal_times_total = weight * items * SLOT_MASS
        # |mass - ideal| <= 4 + ideal / 2^31, multiplied by 2^31 * total
        deviation = abs(mass * total - ideal_times_total) << 31
        allowed = (4 * total << 31) + ideal_times_total
        assert deviation <= allowed, f"item {index}: mass {mass}, ideal {ideal_times_total / total}"


def check_many_masses(table: AliasTable, weights: Array) -> None:
    """The same for long tables of ordinary weights, in double precision: its error is far below the bound's slack."""
    found = masses(table)
    items = len(weights)
    assert len(found) == items
    assert sum(found.tolist()) == items * SLOT_MASS
    assert np.array_equal(found > 0, weights > 0)
    ideal = weights / math.fsum(weights) * (items * float(SLOT_MASS))
    deviation = np.abs(found.astype(np.float64) - ideal)
    assert np.all(deviation <= (4 + ideal * 2.0**-31) * (1 + 1e-6) + ideal * 2.0**-50)
