"""Dynamic tables among threads and forks: each call sees a table before or after any other, none waits for ever."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from processes import in_child

from pysampler import DynamicTable, WeightedBatchSampler, WeightedRandomSampler, audit_coverage
from pysampler.sources.dynamic_table import from_parts
from pysampler.sources.dynamic_table_file import DynamicTableParts

ITEMS = 2000
LOWER = torch.arange(ITEMS) < ITEMS // 2


class Background:
    """Calls functions over and over in threads of their own until the block ends."""

    def __init__(self, *functions: Any) -> None:
        self.stopped = threading.Event()
        self.errors: list[BaseException] = []
        self.threads = [threading.Thread(target=self._repeat, args=(function,)) for function in functions]

    def _repeat(self, function: Any) -> None:
        try:
            while not self.stopped.is_set():
                function()
        except BaseException as error:
            self.errors.append(error)

    def __enter__(self) -> Background:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        assert not self.errors


def halves(table: DynamicTable) -> Any:
    """Gives all the mass to one half of the items, then to the other: a table in between would have both, or none."""
    state = [LOWER.float(), (~LOWER).float()]
    everything = torch.arange(ITEMS)

    def swap() -> None:
        state.reverse()
        table.update(everything, state[0])

    return swap


@pytest.mark.parametrize("log", [False, 10 * ITEMS])
def test_every_call_sees_a_table_before_or_after_any_update(log: Any) -> None:
    table = DynamicTable(LOWER.float(), log=log)
    table.max  # noqa: B018 - extremes are kept as well from now on
    with Background(halves(table), lambda: table.draw(3, seed=0)):
        lower = set()
        for epoch in range(300):
            drawn = LOWER[table.draw(500, seed=1, epoch=epoch)]
            assert bool(drawn.all()) or not bool(drawn.any())
            lower.add(bool(drawn.all()))
            distinct = table.draw(200, seed=1, epoch=epoch, without_replacement=True)
            assert len(set(distinct.tolist())) == 200
            assert len(set(LOWER[distinct].tolist())) == 1
            assert (table.positive, table.max, table.min) == (ITEMS // 2, 1, 1)
            weights = table.weights.tensor()
            assert torch.equal(weights > 0, LOWER if weights[0] > 0 else ~LOWER)
            corrections = table.importance_weights(table.draw(4, seed=1)[:0], 0.5, normalise="table")
            assert corrections.numel() == 0
    assert lower == {True, False}


def test_a_signal_handler_may_read_the_table_that_is_drawn_from_and_is_told_that_it_cannot_change_it() -> None:
    def child() -> None:
        table = DynamicTable(torch.rand(1000))
        seen: list[Any] = []

        def use(*_: Any) -> None:
            try:
                seen.append(len(table))
                table.update([0], [2.0])
            except RuntimeError as error:
                seen.append(str(error))

        signal.signal(signal.SIGALRM, use)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        while not seen:
            table.draw(20_000_000, seed=1)
        assert seen[0] == 1000
        if len(seen) > 1:  # it came in the middle of a draw, not between two
            assert "in the middle of a call of the same table" in seen[1]
        table.update([0], [2.0])  # afterwards nothing is in the way

    in_child(child, patience_seconds=60)


def test_states_are_of_one_moment() -> None:
    table = DynamicTable(LOWER.float(), log=5 * ITEMS)
    other = DynamicTable(LOWER.float(), log=True)
    with Background(halves(table), lambda: table.append([0.0])):
        for _ in range(40):
            other.load_state_dict(table.state_dict())  # refuses a log that does not lead to the weights
            assert other.positive == ITEMS // 2


def test_updates_of_many_threads_are_logged_in_the_order_in_which_they_were_made() -> None:
    table = DynamicTable(torch.ones(ITEMS), log=True)
    sampler = WeightedRandomSampler(table, 3000, seed=0)
    generators = [np.random.default_rng(seed) for seed in range(3)]

    def updating(generator: np.random.Generator) -> Any:
        return lambda: table.update(generator.integers(0, ITEMS, 50), generator.random(50))

    with Background(*map(updating, generators)):
        shown = []
        for index in sampler:
            shown.append(index)
            if len(shown) % 100 == 0:
                time.sleep(0.001)
    assert table.version > 10
    counts = torch.bincount(torch.tensor(shown), minlength=ITEMS)
    assert torch.equal(audit_coverage(sampler, counts=True).counts, counts.int())
    again = DynamicTable(torch.ones(ITEMS), log=True)
    again.load_state_dict(table.state_dict())
    assert again.fingerprint == table.fingerprint


def draw_iterate_and_update() -> int:
    """A draw that looks for signals wants the interpreter, which an iterator has that waits for an update's turn."""
    table = DynamicTable(torch.ones(4_000_000))
    batches = WeightedBatchSampler(WeightedRandomSampler(table, 10**7, seed=0), 8)
    out = torch.empty(10_000_000, dtype=torch.int64)  # long enough for a draw to look for signals
    # Whoever waits for ever is found by the patience of in_child.
    with Background(lambda: table.draw(len(out), seed=0, out=out), lambda: table.update([3], [2.0])):
        return len([batch for batch, _ in zip(batches, range(8), strict=False)])


def test_nobody_waits_for_a_table_with_the_interpreter_in_hand() -> None:
    assert in_child(draw_iterate_and_update) == 8


def whole(table: DynamicTable) -> bool:
    """Whether masses, total and fingerprint are those of the weights."""
    weights = table.weights.tensor()
    fresh = from_parts(DynamicTableParts(weights, table.scale, len(weights), table.fingerprint))
    table.update([0], [4.0])
    fresh.update([0], [4.0])
    return torch.equal(fresh.draw(500, seed=1), table.draw(500, seed=1)) and fresh.fingerprint == table.fingerprint


def fork_while_updating(log: bool) -> list[int]:
    table = DynamicTable(LOWER.float(), log=log and 5 * ITEMS)
    codes = []
    with Background(halves(table), lambda: table.draw(3, seed=0)):
        for _ in range(25):
            child = os.fork()
            if child == 0:
                signal.alarm(20)  # where somebody waits for ever
                os._exit(0 if whole(table) else 1)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    return codes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_forked_in_the_middle_of_an_update_has_a_whole_table(log: bool) -> None:
    assert in_child(lambda: fork_while_updating(log)) == [0] * 25
