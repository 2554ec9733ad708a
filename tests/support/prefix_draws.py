"""Draws by prefix masses, written down once more in plain Python: what multinomial does where draws are few."""

from __future__ import annotations

import bisect
from itertools import accumulate
from typing import Any

import numpy as np
import oracle

from pysampler import AliasTable
from pysampler.philox import words

GROUP, GROUPS = 16, 64


def order_of_units(items: int) -> list[int]:
    """Items in the order in which their units of mass lie: block by block, a block being groups of 16 strided."""
    blocks = -(-items // (GROUP * GROUPS))
    starts = (group * blocks + block for block in range(blocks) for group in range(GROUPS))
    return [item for start in starts for item in range(start * GROUP, min((start + 1) * GROUP, items))]


def prefix_draws(weights: Any, key: int, start: int, count: int) -> list[int]:
    """The items that own the units floor(word * items * 2^32 / 2^64), by the masses of an alias table."""
    items = len(weights)
    masses = oracle.masses(AliasTable(weights)).tolist()
    order = order_of_units(items)
    ends = list(accumulate(masses[item] for item in order))
    tag_draw = 0
    drawn = np.asarray(words(key, 0, tag_draw, start, start + count)).tolist()
    return [order[bisect.bisect_right(ends, (int(word) % 2**64 * (items << 32)) >> 64)] for word in drawn]
