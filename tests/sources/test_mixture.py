"""Mixtures as sources: in samplers, on ranks, resumed, with stages; and what is refused."""

from __future__ import annotations

import copy
import json
import math
import pickle
from collections import Counter

import pytest
import torch

from pysampler import AliasTable, ClassTable, DistributedWeightedSampler, WeightedRandomSampler, audit_coverage
from pysampler.sources.mixture import Mixture
from pysampler.sources.mixture_shares import epochs, temperature, unimax

SHARES = [0.5, 0.3, 0.15, 0.05]


def mixture() -> Mixture:
    return Mixture([1000, 50, 200, 7], SHARES, window=16, names=["web", "code", "books", "notes"])


def test_counts_agree_with_what_a_sampler_hands_out() -> None:
    source = mixture()
    sampler = WeightedRandomSampler(source, 1000, seed=3)
    drawn = [index for _ in range(3) for index in sampler]
    for position in (0, 1, 15, 16, 999, 1000, 2345, 3000):
        names = Counter(source.locate(index)[0] for index in drawn[:position])
        assert source.counts(position, seed=3) == {name: names[name] for name in source.names}
    web = [index for index in drawn if index < 1000]
    assert sorted(web[:1000]) == list(range(1000)) or len(set(web[:984])) == 984


def test_ranks_share_the_stream_and_resume_on_another_number_of_ranks() -> None:
    whole = list(WeightedRandomSampler(mixture(), 640, seed=1))
    parts = [list(DistributedWeightedSampler(mixture(), 640, 4, rank, seed=1)) for rank in range(4)]
    assert [index for row in zip(*parts, strict=True) for index in row] == whole
    sampler = DistributedWeightedSampler(mixture(), 640, 4, 0, seed=1)
    handed_out = iter(sampler)
    for _ in range(50):
        next(handed_out)
    state = json.loads(json.dumps(sampler.state_dict()))
    rest = []
    for rank in range(2):
        other = DistributedWeightedSampler(mixture(), 640, 2, rank, seed=1)
        other.load_state_dict(state)
        rest.append(list(other))
    assert [index for row in zip(*rest, strict=True) for index in row] == whole[200:]


def test_a_stage_set_while_running_counts_from_its_window_and_travels_in_the_state() -> None:
    source = mixture()
    before = source.draw(320, seed=2).tolist()
    sampler = WeightedRandomSampler(source, 320, seed=2)
    iterator = iter(sampler)
    head = [next(iterator) for _ in range(100)]
    source.at(165, {"web": 0, "code": 0, "books": 1, "notes": 0})  # the window that holds 165 begins at 160
    drawn = head + list(iterator)
    assert drawn[:160] == before[:160]
    assert {source.locate(index)[0] for index in drawn[160:]} == {"books"}
    fresh = mixture()
    other = WeightedRandomSampler(fresh, 320, seed=2)
    again = iter(sampler)
    for _ in range(10):
        next(again)
    other.load_state_dict(json.loads(json.dumps(sampler.state_dict())))
    assert list(other) == list(again)
    assert fresh.counts(5000, seed=2) == source.counts(5000, seed=2)
    assert audit_coverage(other, epochs=1, position=0).unique == len(set(drawn))


def test_stages_given_at_once_equal_stages_set_one_by_one() -> None:
    later = [0.1, 0.1, 0.1, 0.7]
    at_once = Mixture([1000, 50, 200, 7], [(0, SHARES), (100, later)], window=16)
    one_by_one = mixture()
    one_by_one.at(100, later)
    assert torch.equal(at_once.draw(500, seed=5), one_by_one.draw(500, seed=5))
    assert "stages" not in at_once.state()
    assert at_once.fingerprint != one_by_one.fingerprint == mixture().fingerprint


def test_runs_that_stop_with_a_first_pass() -> None:
    source = mixture()
    first, every = source.draws_until("first", seed=4), source.draws_until("all", seed=4)
    passes = {name: source.counts(first, seed=4)[name] / size for name, size in zip(source.names, source.sizes)}  # noqa: B905
    assert max(passes.values()) <= 1
    after = source.counts(first + 16, seed=4)
    assert any(after[name] > size for name, size in zip(source.names, source.sizes, strict=True))
    assert set(source.draw(every, seed=4).tolist()) == set(range(source.num_items))
    assert len(set(source.draw(every - 16, seed=4).tolist())) < source.num_items


def test_tables_are_sources_whose_items_come_by_weight() -> None:
    table, classes = AliasTable([1.0, 0.0, 3.0]), ClassTable([0, 1, 1, 1], [1.0, 1.0])
    source = Mixture([table, 5, classes], [2, 1, 1], window=8)
    drawn = torch.bincount(source.draw(40_000, seed=0), minlength=12).double() / 40_000
    expected = source.probabilities()
    assert expected.sum().item() == pytest.approx(1)
    assert drawn[1] == 0
    assert (drawn - expected).abs().max() < 5 * math.sqrt(0.25 / 40_000)
    padded = DistributedWeightedSampler(source, 10, 3, 2, seed=0)
    assert all(0 <= index < 12 for index in padded)


def test_copies_and_pickles_draw_the_same_and_change_alone() -> None:
    source = mixture()
    source.at(64, [1, 1, 1, 1])
    for other in (pickle.loads(pickle.dumps(source)), copy.deepcopy(source), copy.copy(source)):
        assert other.fingerprint == source.fingerprint
        assert torch.equal(other.draw(200, seed=1), source.draw(200, seed=1))
        other.at(128, [1, 0, 0, 0])
        assert other.state() != source.state()


def test_shares_from_sizes() -> None:
    assert temperature([1, 3], 1) == [0.25, 0.75]
    assert temperature([1, 10**9, 0], math.inf) == [0.5, 0.5, 0.0]
    assert unimax([10, 1000, 1000], 210, 1) == pytest.approx([10 / 210, 100 / 210, 100 / 210])
    assert epochs([100, 10], [1, 5]) == pytest.approx([2 / 3, 1 / 3])


def test_any_number_of_threads_and_any_pieces_draw_the_same() -> None:
    shares = [1000.0, 300, *[1.0] * 300]
    source = Mixture([10**6, 77, *[1000] * 300], [(0, shares), (5000, shares[::-1])], window=64)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        expected = source.draw(600_000, seed=5, start=11)
        for threads in (2, 5):
            torch.set_num_threads(threads)
            assert torch.equal(source.draw(600_000, seed=5, start=11), expected)
            assert torch.equal(source.draw(200_000, seed=5, start=12, step=3), expected[1::3][:200_000])
    finally:
        torch.set_num_threads(before)
    pieces, position = [], 11
    for n in (1, 2, 63, 64, 65, 1000, 4095, 5000, 100_000):
        pieces.append(source.draw(n, seed=5, start=position))
        position += n
    assert torch.equal(torch.cat(pieces), expected[: position - 11])
    iterator = iter(DistributedWeightedSampler(source, 600_011, 2, 1, seed=5))
    assert [next(iterator) for _ in range(20_005)][5:] == expected[0::2][:20_000].tolist()  # positions 11, 13, ...
