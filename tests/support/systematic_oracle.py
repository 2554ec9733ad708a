"""What systematic draws must be, computed slowly in Python's integers from the written construction.

Permutations, lattice, strata: each from its description, not from the C++ sources.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

import oracle

PERMUTATION_TAG, OFFSET_TAG, PADDING_TAG = 2, 3, 7
GOLDEN_STEP = 0x9E3779B97F4A7C15


class Permutation:
    """A keyed bijection on [0, elements): a shuffle up to 64, beyond that a Feistel network on a grid and a swap."""

    def __init__(self, seed: int, epoch: int, index: int, elements: int, tag: int = PERMUTATION_TAG) -> None:
        self.elements = elements

        def word(i: int) -> int:
            return oracle.word(seed, epoch, 64 * index + i, tag)

        self.shuffled: list[int] = []
        if elements <= 64:
            for i in range(elements):
                self.shuffled.append(i)
                other = word(i) * (i + 1) >> 64
                self.shuffled[i], self.shuffled[other] = self.shuffled[other], i
            return
        self.rows = math.isqrt(elements - 1) + 1
        self.columns = -(-elements // self.rows)
        rounds = 16 if elements <= 4096 else 8
        blocks = rounds // 4  # of two words, eight positions apart, of two keys each
        words = [word(block + half) for block in range(blocks) for half in (0, 8)]
        self.keys = [key for bits in words for key in (bits & oracle.MASK32, bits >> 32)]
        self.swaps = word(blocks) % 2

    def __call__(self, element: int) -> int:
        if self.elements <= 64:
            return self.shuffled[element]
        while True:
            row, column = divmod(element, self.columns)
            for first, second in zip(self.keys[::2], self.keys[1::2], strict=True):
                row = (row + _below(column ^ first, self.rows)) % self.rows
                column = (column + _below(row ^ second, self.columns)) % self.columns
            element = row * self.columns + column
            if element < self.elements:
                return element ^ self.swaps if element < 2 else element


def _below(bits: int, limit: int) -> int:
    bits = (bits ^ bits >> 16) * 0x7FEB352D & oracle.MASK32
    bits = (bits ^ bits >> 15) * 0x846CA68B & oracle.MASK32
    return (bits ^ bits >> 16) * limit >> 32


def offset(seed: int, epoch: int) -> int:
    """U_e."""
    return (oracle.word(seed, 0, 0, OFFSET_TAG) + epoch * GOLDEN_STEP) % 2**64


def point_masses(total: int, draws: int, seed: int, epoch: int) -> list[int]:
    """The points of an epoch, in their order."""
    shift = offset(seed, epoch) * total // 2**64
    return [(j * total + shift) // draws for j in range(draws)]


class Items:
    """Masses and classes, laid out class after class."""

    def __init__(self, masses: Sequence[int], labels: Sequence[int] | None = None) -> None:
        labels = [0] * len(masses) if labels is None else labels
        self.labels = labels
        self.order = sorted(range(len(masses)), key=lambda item: labels[item])
        self.ends = []
        total = 0
        for item in self.order:
            total += masses[item]
            self.ends.append(total)
        self.total = total

    def at(self, unit: int) -> int:
        return self.order[bisect_right(self.ends, unit)]


def draws(items: Items, count: int, seed: int, epoch: int, batch: int | None = None) -> list[int]:
    """All draws of an epoch, by position."""
    owners = [items.at(unit) for unit in point_masses(items.total, count, seed, epoch)]
    if batch is None:
        place = Permutation(seed, epoch, 0, count)
        return [owners[place(position)] for position in range(count)]
    order = batch_points([items.labels[owner] for owner in owners], seed, epoch, batch)
    return [owners[point] for point in order]


def batch_points(classes: list[int], seed: int, epoch: int, batch: int) -> list[int]:
    """The point at each position, with batches; ``classes``: that of each point."""
    count = len(classes)
    batches, rest = divmod(count, batch)
    turn = oracle.word(seed, epoch, 1, OFFSET_TAG) * count >> 64 if rest else 0
    spare = oracle.word(seed, epoch, 2, OFFSET_TAG) * (batches + 1) >> 64
    cuts = [(stratum * count + turn) // batch for stratum in range(batch + 1)]
    strata = [[point % count for point in range(begin, end)] for begin, end in pairwise(cuts)]
    exchanged = list(range(count))
    straight = [stratum for stratum in strata if sorted(stratum) == stratum]  # the last may run around the end
    for label in set(classes):
        whole = [point for stratum in straight if {classes[p] for p in stratum} == {label} for point in stratum]
        if whole:
            among = Permutation(seed, epoch, 2 * label + 1, len(whole))
            for place, point in enumerate(whole):
                exchanged[point] = whole[among(place)]
    last = [stratum.pop(spare) for stratum in strata if len(stratum) > batches]
    assert len(last) == rest
    place_of = Permutation(seed, epoch, 0, batches)
    dealt = [[stratum[place_of(b)] for stratum in strata] for b in range(batches)]
    result = []
    for b, points in enumerate([*dealt, last] if rest else dealt):
        within = Permutation(seed, epoch, 2 * b + 2, len(points))
        result += [exchanged[points[within(slot)]] for slot in range(len(points))]
    return result


def padding(items: Items, seed: int, epoch: int, positions: Iterable[int]) -> list[int]:
    """What positions beyond an epoch hold."""
    return [items.at(oracle.word(seed, epoch, position, PADDING_TAG) * items.total >> 64) for position in positions]


def zeckendorf_terms(number: int) -> int:
    """How many Fibonacci numbers, none next to each other, add up to ``number``."""
    fibonacci = [1, 2]
    while fibonacci[-1] <= number:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    terms = 0
    for value in reversed(fibonacci):
        if value <= number:
            number -= value
            terms += 1
    return terms
