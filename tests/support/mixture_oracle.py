"""What mixtures of sources must be, by counting every position from the beginning, in Python's integers.

Written from the construction's description, not from the C++ sources; nothing here is in closed form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import oracle
from systematic_oracle import Permutation

OFFSET_TAG, ORDER_TAG, INNER_ORDER_TAG, ITEM_TAG, TABLE_TAG, TABLE_PICK_TAG = 16, 17, 18, 19, 20, 21
STEP = 0x9E3779B97F472C73
TOTAL = 2**64


class _Lattice:
    """Masses side by side, each of somebody; `points` to a window, moved on by STEP from window to window."""

    def __init__(self, owners: Sequence[int], masses: Sequence[int], points: int, first_offset: int) -> None:
        assert sum(masses) == TOTAL
        self.points, self.first_offset = points, first_offset
        self.ends: list[tuple[int, int]] = []
        end = 0
        for owner, mass in zip(owners, masses, strict=True):
            end += mass
            self.ends.append((end, owner))

    def owners(self, window: int) -> list[int]:
        """Whose each point of a window is."""
        offset = (self.first_offset + window * STEP) % TOTAL
        found = []
        for point in range(self.points):
            place = point * TOTAL + offset  # times 1 / points
            found.append(next(owner for end, owner in self.ends if place < end * self.points))
        return found


class _Group:
    """The sources with less than a point a window, in the order in which they come in a stage."""

    def __init__(self, sources: list[int], masses: Sequence[int], seed: int, stage: int) -> None:
        self.seed, self.stage = seed, stage
        own = exact_masses([masses[source] for source in sources])
        self.points = 1
        while self.points < 2**16 and min(own) * self.points < TOTAL:
            self.points *= 2
        self.lattice = _Lattice(sources, own, self.points, oracle.word(seed, 0, 1 + stage, OFFSET_TAG))

    def __iter__(self) -> Iterator[int]:
        window = 0
        while True:
            owners = self.lattice.owners(window)
            order = Permutation(self.seed, self.stage, window, self.points, INNER_ORDER_TAG)
            for place in range(self.points):
                yield owners[order(place)]
            window += 1


def exact_masses(numbers: Sequence[int]) -> list[int]:
    """Integers that sum to 2^64 in proportion: boundaries rounded half up, none of the positive ones 0."""
    total, before, masses, begin = sum(numbers), 0, [], 0
    for number in numbers:
        before += number
        end = (2 * before * TOTAL + total) // (2 * total)
        masses.append(end - begin)
        begin = end
    for i, number in enumerate(numbers):
        if number > 0 and masses[i] == 0:
            masses[masses.index(max(masses))] -= 1
            masses[i] = 1
    return masses


def places(stages: Sequence[tuple[int, Sequence[int]]], window: int, seed: int, windows: int) -> list[tuple[int, int]]:
    """(source, occurrence) of every position. Stages: the first window, and the sources' masses, which sum to 2^64."""
    sources = len(stages[0][1])
    seen = [0] * sources
    found: list[tuple[int, int]] = []
    offset = oracle.word(seed, 0, 0, OFFSET_TAG)
    for number, (first, masses) in enumerate(stages):
        end = stages[number + 1][0] if number + 1 < len(stages) else windows
        small = [s for s in range(sources) if 0 < masses[s] * window < TOTAL]
        small = small if len(small) > 1 else []
        big = [s for s in range(sources) if masses[s] > 0 and s not in small]
        rest = sum(masses[s] for s in small)
        lattice = _Lattice([*big, -1], [*(masses[s] for s in big), rest], window, offset)
        group = iter(_Group(small, masses, seed, number)) if small else iter(())
        for e in range(first, min(end, windows)):
            by_point = []
            for owner in lattice.owners(e):
                source = owner if owner >= 0 else next(group)
                by_point.append((source, seen[source]))
                seen[source] += 1
            order = Permutation(seed, 0, e, window, ORDER_TAG)
            found += [by_point[order(place)] for place in range(window)]
    return found


def item(seed: int, source: int, occurrence: int, items: int) -> int:
    """The item of a plain source: a new keyed order in each pass."""
    number, element = divmod(occurrence, items)
    return Permutation(seed, source, number, items, ITEM_TAG)(element)


def ostrowski_digits(windows: int) -> int:
    """The sum of the digits of a number of windows in the Ostrowski system of STEP / 2^64: greedily, from above."""
    denominators, before, a, b = [1], 0, TOTAL, STEP
    while b:
        quotient = a // b
        a, b = b, a % b
        if len(denominators) == 1 and before == 0:
            before, following = 1, quotient
        else:
            before, following = denominators[-1], quotient * denominators[-1] + before
        denominators.append(following)
    total, left = 0, windows
    for denominator in reversed(denominators):
        total += left // denominator
        left %= denominator
    return total


KNOWN = (  # seed, window, sizes, stages of (first window, shares), windows counted
    (0, 16, (1000, 50, 200, 7), ((0, (10, 6, 3, 1)), (9, (1, 1, 1, 7))), 20),
    (2**64 - 1, 7, (5, 5, 5, 5, 5, 5, 5, 90), ((0, (1, 1, 1, 1, 1, 1, 1, 0)), (6, (0, 1, 1, 2, 1, 1, 1, 20))), 15),
    (123456789, 65, (1, 2**40, 64, 65), ((0, (1, 5, 0, 5)), (3, (0, 0, 1, 0)), (5, (4, 3, 2, 1))), 8),
    (42, 1, (3, 4), ((0, (1, 2)),), 60),
)


def known_answers() -> list[str]:
    """The lines of tests/cpp/mixture_kat.txt: hexadecimal numbers."""
    lines = []
    for seed, window, sizes, stages, windows in KNOWN:
        lines.append(" ".join(["mixture", *(f"{n:x}" for n in (seed, window, *sizes))]))
        in_masses = [(first, exact_masses(shares)) for first, shares in stages]
        for first, masses in in_masses:
            lines.append(_known_stage(first, masses, window))
        found = places(in_masses, window, seed, windows)
        for position in range(0, len(found), max(1, len(found) // 40)):
            source, occurrence = found[position]
            index = sum(sizes[:source]) + item(seed, source, occurrence, sizes[source])
            lines.append(f"place {position:x} {source:x} {occurrence:x} {index:x}")
    return lines


def _known_stage(first: int, masses: Sequence[int], window: int) -> str:
    small = [s for s, mass in enumerate(masses) if 0 < mass * window < TOTAL]
    small = small if len(small) > 1 else []
    outer = [s for s, mass in enumerate(masses) if mass > 0 and s not in small]
    parts = [masses[s] for s in outer]
    inner = exact_masses([masses[s] for s in small]) if small else []
    bits = 0
    while small and bits < 16 and min(inner) << bits < TOTAL:
        bits += 1
    if small:
        outer, parts = [*outer, 2**32 - 1], [*parts, sum(masses[s] for s in small)]
    numbers = [first, bits, len(outer), len(small), *outer, *_ends(parts, window), *small]
    return " ".join(["stage", *(f"{n:x}" for n in [*numbers, *(_ends(inner, 2**bits) if small else [])])])


def _ends(masses: Sequence[int], points: int) -> list[int]:
    begins, before = [0, 0], 0
    for mass in masses:
        before += mass
        begins += divmod(before * points, TOTAL)
    return begins
