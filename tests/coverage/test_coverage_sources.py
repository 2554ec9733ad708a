"""Coverage by source of a mixture: counted from bitmaps, equal to a label per item."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysampler import CoverageTracker, Mixture, WeightedRandomSampler, audit_coverage


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=8).filter(lambda sizes: sum(sizes) > 0),
    st.lists(st.integers(0, 10**9), max_size=60),
    st.booleans(),
)
def test_sources_are_covered_as_classes_of_the_same_items_are(sizes: list[int], drawn: list[int], epochs: bool) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    tracker = CoverageTracker(sum(sizes), counts=True, epochs=epochs)
    items = [item % sum(sizes) for item in drawn]
    tracker.update(items[: len(items) // 2])
    tracker.new_epoch()
    tracker.update(items[len(items) // 2 :])
    got = tracker.per_source(Mixture(sizes, sizes))
    seen, late = np.unique(items), np.unique(items[len(items) // 2 :])
    assert got.classes == tuple(map(str, range(len(sizes))))
    assert got.num_items.tolist() == sizes
    assert got.unique.tolist() == np.bincount(labels[seen.astype(int)], minlength=len(sizes)).tolist()
    assert got.draws is not None
    assert got.draws.tolist() == np.bincount(labels[np.array(items, int)], minlength=len(sizes)).tolist()
    if epochs:
        assert got.unique_this_epoch is not None
        expected = np.bincount(labels[late.astype(int)], minlength=len(sizes)).tolist()
        assert got.unique_this_epoch.tolist() == expected
    else:
        assert got.unique_this_epoch is None


def test_an_audit_tells_passes_by_source() -> None:
    mixture = Mixture({"web": 1000, "code": 100, "books": 37}, (5, 3, 2), window=50)
    sampler = WeightedRandomSampler(mixture, 500, seed=4)
    found = audit_coverage(sampler, epochs=3, position=40, counts=True).per_source(mixture)
    counts = mixture.counts(1540, seed=4)
    assert dict(zip(found.classes, found.draws.tolist(), strict=True)) == counts  # type: ignore[union-attr]
    assert found.unique.tolist()[1:] == [100, 37]  # passes are whole
    assert found.unique[0] == counts["web"]  # no item of a first pass comes twice
    with pytest.raises(ValueError, match="has other items than this tracker, whose num_items=1137"):
        audit_coverage(sampler, epochs=1).per_source(Mixture([5]))
