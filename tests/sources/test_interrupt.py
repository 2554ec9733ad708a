"""Ctrl-C in a long call: it is heard soon, comes out as KeyboardInterrupt, and leaves everything usable."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from families import hashed_integers
from looped_memory import looped_tensor
from processes import in_child, start

from pysampler import AliasTable, CoverageTracker, audit_coverage, multinomial, positions_of

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs memfd_create")

SOON_SECONDS = 3.0  # promised: a second or so
TABLE = AliasTable(hashed_integers(100_000))


def seconds_until_heard(prepare: Callable[[], Callable[[], Any]], threads: int) -> float:
    """Sends SIGINT during the call that ``prepare`` returns, in a child. Returns how soon that came out."""

    def work() -> float:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        call = prepare()
        sent = []

        def send() -> None:
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

        torch.set_num_threads(threads)
        threading.Timer(0.3, send).start()  # it runs while the call does, because that has released the GIL
        try:
            call()
        except KeyboardInterrupt:
            heard = time.monotonic() - sent[0]
            assert TABLE.draw(100, seed=1).tolist() == expected
            return heard
        raise AssertionError("the call returned")

    expected = TABLE.draw(100, seed=1).tolist()
    return float(in_child(work, patience_seconds=4 * SOON_SECONDS))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("step", [1, 3])
def test_a_long_draw_hears_ctrl_c(threads: int, step: int) -> None:
    def prepare() -> Callable[[], Any]:
        out = looped_tensor(2**34, torch.int64)  # half a minute
        return lambda: TABLE.draw(len(out), seed=1, step=step, out=out)

    assert seconds_until_heard(prepare, threads) < SOON_SECONDS


def test_a_partitioned_draw_hears_ctrl_c() -> None:
    def prepare() -> Callable[[], Any]:
        out = looped_tensor(2**33, torch.int64)
        return lambda: TABLE._core.draw_evaluated(out.data_ptr(), len(out), 1, 0, 0, 1, 1, False, "partitioned")

    assert seconds_until_heard(prepare, 1) < SOON_SECONDS


@pytest.mark.parametrize("threads", [1, 2])
def test_building_a_large_table_hears_ctrl_c(threads: int) -> None:
    def prepare() -> Callable[[], Any]:
        weights = looped_tensor(180_000_000, torch.float32, fill=1)  # a second or so, and 1.4 GB of table
        return lambda: AliasTable(weights)

    assert seconds_until_heard(prepare, threads) < SOON_SECONDS


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("rows", [2**23, 2**10])
def test_multinomial_of_a_huge_matrix_hears_ctrl_c(rows: int, replacement: bool) -> None:
    def prepare() -> Callable[[], Any]:
        weights = looped_tensor(2**33, torch.float32, fill=1).reshape(rows, -1)
        return lambda: multinomial(weights, 1, replacement)

    assert seconds_until_heard(prepare, 1) < SOON_SECONDS


def test_a_long_draw_without_replacement_hears_ctrl_c() -> None:
    def prepare() -> Callable[[], Any]:
        weights = looped_tensor(60_000_000, torch.float32, fill=1)
        return lambda: multinomial(weights, len(weights))

    assert seconds_until_heard(prepare, 1) < SOON_SECONDS


@pytest.mark.parametrize("threads", [1, 2])
def test_marking_many_indices_hears_ctrl_c_and_the_tracker_stays_usable(threads: int) -> None:
    def prepare() -> Callable[[], Any]:
        indices = looped_tensor(2**34, torch.int64, fill=3)
        tracker = CoverageTracker(10)

        def mark() -> None:
            try:
                tracker.update(indices)
            except KeyboardInterrupt:
                tracker.update([5])
                assert tracker.unseen_items().tolist() in ([0, 1, 2, 3, 4, 6, 7, 8, 9], [0, 1, 2, 4, 6, 7, 8, 9])
                raise

        return mark

    assert seconds_until_heard(prepare, threads) < SOON_SECONDS


def test_a_signal_handler_may_ask_a_tracker_that_is_being_updated() -> None:
    """As one that saves a checkpoint before a machine goes away."""

    def work() -> list[int]:
        indices = looped_tensor(2**28, torch.int64, fill=3)
        tracker = CoverageTracker(10)
        watched = iter(tracker.watch([1, 2]))
        next(watched)
        asked: list[int] = []
        signal.signal(signal.SIGALRM, lambda *_: asked.append(tracker.state_dict()["num_items"]))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        tracker.update(indices)
        assert tracker.unseen_items().tolist() == [0, 2, 4, 5, 6, 7, 8, 9]
        assert tracker.draws == 2**28 + 1
        return asked

    assert in_child(work) == [10]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("num_samples", [100, 2**40])
def test_long_audits_hear_ctrl_c(num_samples: int, threads: int) -> None:
    for redraw in (audit_coverage, functools.partial(positions_of, 5)):

        def prepare(redraw: Callable[..., Any] = redraw) -> Callable[[], Any]:
            return lambda: redraw(TABLE, seed=1, epochs=2**40, num_samples=num_samples)

        assert seconds_until_heard(prepare, threads) < SOON_SECONDS


def test_a_process_that_draws_dies_of_ctrl_c() -> None:
    process = start(
        """
        import torch
        from looped_memory import looped_tensor
        from pysampler import AliasTable
        torch.set_num_threads(2)
        table, out = AliasTable(torch.ones(100_000)), looped_tensor(2**34, torch.int64)
        print("drawing", flush=True)
        table.draw(len(out), seed=1, out=out)
        print("done")
        """,
        folder=Path(__file__).parents[1] / "support",
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "drawing\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - sent < SOON_SECONDS
    assert out == ""
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode not in (0, -signal.SIGSEGV)


def test_a_handler_may_raise_what_it_likes() -> None:
    def work() -> str:
        class OutOfTimeError(Exception):
            pass

        def ring(*_: Any) -> None:
            raise OutOfTimeError("enough")

        signal.signal(signal.SIGALRM, ring)
        out = looped_tensor(2**34, torch.int64)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            TABLE.draw(len(out), seed=1, out=out)
        except OutOfTimeError as error:
            return str(error)
        return "the call returned"

    assert in_child(work, patience_seconds=4 * SOON_SECONDS) == "enough"


def test_a_handler_that_does_not_raise_changes_nothing() -> None:
    def work() -> tuple[int, bool]:
        rung = []
        signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        expected = TABLE.draw(1_000_000, seed=1)
        same = all(torch.equal(TABLE.draw(1_000_000, seed=1), expected) for _ in range(100))
        signal.setitimer(signal.ITIMER_REAL, 0)
        return len(rung), same

    rung, same = in_child(work)
    assert rung > 0
    assert same


def test_a_draw_in_another_thread_leaves_ctrl_c_to_the_main_thread() -> None:
    def prepare() -> Callable[[], Any]:
        out = looped_tensor(2**34, torch.int64)
        thread = threading.Thread(target=lambda: TABLE.draw(len(out), seed=1, out=out), daemon=True)

        def wait() -> None:
            thread.start()
            while thread.is_alive():
                time.sleep(0.01)

        return wait

    assert seconds_until_heard(prepare, 2) < SOON_SECONDS
