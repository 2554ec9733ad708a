"""Names of version 0.1: they give the same as the new ones and say so, and its pickles are read."""

from __future__ import annotations

import base64
import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from pysampler import (
    AliasTable,
    CoverageTracker,
    WeightedBatchSampler,
    WeightedRandomSampler,
    audit_coverage,
    forecast_coverage,
)
from pysampler.plan import plan_labels, plan_weights

LABELS = ["Siamese"] * 6 + ["Birman"] * 2
# tests/support/names_0_1.json was written by the commit before the names changed (2d12cbb).
WRITTEN = json.loads((Path(__file__).parent / "support" / "names_0_1.json").read_text())


def tracker() -> CoverageTracker:
    made = CoverageTracker(8, counts=True, labels=LABELS)
    made.update([0, 0, 7])
    made.new_epoch()
    made.update([1, 7])
    return made


def audit() -> Any:
    return audit_coverage(AliasTable([1.0] * 8), seed=3, epochs=1, counts=True, labels=LABELS)


def forecast() -> Any:
    return forecast_coverage([1.0, 2.0, 0.0, 1.0], num_samples=5)


OLD = {
    "tracker.never_seen": (lambda: tracker().never_seen().tolist(), [2, 3, 4, 5, 6]),
    "tracker.never_seen_chunks": (lambda: [each.tolist() for each in tracker().never_seen_chunks()], [[2, 3, 4, 5, 6]]),
    "tracker.per_class": (lambda: list(tracker().per_class().unique), [1, 2]),
    "class_coverage.items": (lambda: list(tracker().class_coverage().items), [2, 6]),
    "audit.never_seen": (lambda: list(audit().never_seen), [2, 5, 7]),
    "audit.per_class": (lambda: list(audit().per_class.unique), [1, 4]),
    "audit.items": (lambda: audit().items, 8),
    "forecast.items": (lambda: forecast().items, 3),
    "plan.items": (lambda: plan_weights([1.0, 2.0, 0.0]).items, 3),
    "class_plan.items": (lambda: [own.items for own in plan_labels(LABELS).classes], [2, 6]),
}


@pytest.mark.parametrize("name", OLD)
def test_an_old_name_gives_what_it_gave_and_names_the_new_one(name: str) -> None:
    ask, value = OLD[name]
    with pytest.warns(DeprecationWarning, match=r"is now called (unseen|class_cov|num_items|positive)") as caught:
        assert ask() == value  # type: ignore[no-untyped-call]
    assert Path(caught[0].filename) == Path(__file__)  # the line that has to change
    assert name.rpartition(".")[2] in str(caught[0].message)


def test_the_new_names_are_the_same_on_all() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for each in (tracker(), audit()):
            assert each.num_items == 8
            assert torch.equal(each.unseen_items(), torch.tensor(sorted(set(range(8)) - _seen(each))))
            assert each.class_coverage().num_items.tolist() == [2, 6]
        assert (forecast().num_items, forecast().positive_weight_items, forecast().zero_weight_items) == (4, 3, 1)
        assert plan_weights([1.0, 2.0, 0.0]).num_items == 3
        assert [own.num_items for own in plan_labels(LABELS).classes] == [2, 6]


def _seen(asked: Any) -> set[int]:
    return {item for item, count in enumerate(asked.counts.tolist()) if count}


def unpickled(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return pickle.loads(base64.b64decode(WRITTEN[name]))


def test_pickles_of_version_0_1_are_read_under_the_new_names() -> None:
    assert unpickled("tracker").state_dict()["counts"].tolist() == tracker().counts.tolist()
    assert unpickled("class coverage").num_items.tolist() == [2, 6]
    assert unpickled("forecast") == forecast()
    assert (unpickled("audit").num_items, unpickled("audit").unseen_items().tolist()) == (8, [2, 5, 7])
    assert unpickled("plan") == plan_labels(LABELS)
    assert unpickled("weight plan") == plan_weights([1.0, 2.0, 0.0])
    assert unpickled("trials").forecast == forecast_coverage([1.0] * 3)
    assert len(list(unpickled("watched sampler"))) == 8


def test_what_is_pickled_now_is_read_as_well() -> None:
    for made in (forecast(), plan_labels(LABELS)):
        assert pickle.loads(pickle.dumps(made)) == made


def test_completion_offers_neither_old_names_nor_what_only_samplers_ask() -> None:
    for made, old in (
        (tracker(), {"never_seen", "never_seen_chunks", "per_class"}),
        (audit(), {"never_seen", "per_class", "items"}),
        (forecast(), {"items"}),
        (plan_weights([1.0, 2.0]), {"items"}),
    ):
        assert not old & set(dir(made))
        assert "num_items" in dir(made)
    sampler = WeightedRandomSampler([1.0, 2.0], 2, seed=1)
    internals = {"open_pass", "taken_over", "source_changed", "check_share", "current", "load_state", "identity"}
    for drawn_from in (sampler, sampler.table, sampler.source):
        assert not internals & set(dir(drawn_from))
    assert {"draw", "probabilities", "save"} <= set(dir(sampler.table))


def test_samplers_show_what_they_draw() -> None:
    sampler = WeightedRandomSampler([1.0, 2.0], 2, seed=1)
    batches = WeightedBatchSampler(sampler, 8)
    assert repr(batches) == f"WeightedBatchSampler({sampler!r}, batch_size=8, drop_last=False)"
    assert repr(CoverageTracker(2).watch(batches)) == f"WatchedStatefulSampler({batches!r})"
