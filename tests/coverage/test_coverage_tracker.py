"""The tracker knows what a set and a counter know, whatever form the indices come in."""

from __future__ import annotations

import copy
import os
import pickle
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pysampler import CoverageTracker, read_labels
from pysampler.inputs.indices import flat_indices

MOST = 65535


class Oracle:
    """A tracker made of sets."""

    def __init__(self, items: int) -> None:
        self.items = items
        self.past: Counter[int] = Counter()
        self.now: Counter[int] = Counter()

    def update(self, indices: list[int]) -> None:
        self.now.update(indices)

    def new_epoch(self) -> None:
        self.past += self.now
        self.now = Counter()

    def agrees(self, tracker: CoverageTracker) -> None:
        total = self.past + self.now
        assert tracker.num_items == self.items
        assert tracker.draws == total.total()
        assert tracker.draws_this_epoch == self.now.total()
        assert tracker.unique == len(total)
        assert tracker.fraction == len(total) / self.items
        assert tracker.unseen_items().tolist() == [item for item in range(self.items) if item not in total]
        if tracker.tracks_epochs:
            assert tracker.unique_this_epoch == len(self.now)
            assert tracker.fraction_this_epoch == len(self.now) / self.items
        counts = [min(total[item], MOST) for item in range(self.items)]
        assert tracker.counts.tolist() == counts
        assert tracker.items_per_count().tolist() == np.bincount(counts).tolist()


def contents(tracker: CoverageTracker) -> list[Any]:
    """All that there is to know, for comparisons."""
    return [value.tolist() if isinstance(value, torch.Tensor) else value for value in tracker.state_dict().values()]


@given(data=st.data(), items=st.sampled_from([1, 2, 63, 64, 65, 130]), epochs=st.booleans())
def test_any_history_is_what_sets_and_counters_make_of_it(data: st.DataObject, items: int, epochs: bool) -> None:
    tracker, oracle = CoverageTracker(items, counts=True, epochs=epochs), Oracle(items)
    for _ in range(data.draw(st.integers(0, 6))):
        batch = data.draw(st.lists(st.integers(0, items - 1), max_size=20))
        match data.draw(st.sampled_from(["update", "watch", "new_epoch", "merge", "copy"])):
            case "update":
                tracker.update(batch)
                oracle.update(batch)
            case "watch":
                assert list(tracker.watch(batch)) == batch
                oracle.update(batch)
            case "new_epoch":
                tracker.new_epoch()
                oracle.new_epoch()
            case "merge":
                other = CoverageTracker(items, counts=True, epochs=epochs)
                other.update(batch)
                tracker.merge(other)
                oracle.update(batch)
            case "copy":
                tracker = copy.deepcopy(tracker)
    oracle.agrees(tracker)


FORMS: dict[str, Callable[[list[int]], Any]] = {
    "list": list,
    "tuple": tuple,
    "int64": torch.tensor,
    "int32": lambda indices: torch.tensor(indices, dtype=torch.int32),
    "uint8": lambda indices: torch.tensor(indices, dtype=torch.uint8),
    "int16 matrix": lambda indices: torch.tensor(indices, dtype=torch.int16).reshape(2, -1),
    "strided": lambda indices: torch.tensor([[index, -1] for index in indices])[:, 0],
    "transposed": lambda indices: torch.tensor(indices).reshape(-1, 2).T,
    "numpy int64": np.array,
    "numpy int32 reversed": lambda indices: np.array(indices, np.int32)[::-1],
    "numpy uint64": lambda indices: np.array(indices, np.uint64),
    "numpy big-endian": lambda indices: np.array(indices, ">i8"),
    "batches": lambda indices: [indices[:3], indices[3:3], indices[3:]],
    "lists of tensors": lambda indices: [torch.tensor(indices[:4]), torch.tensor(indices[4:])],
    "list of zero-dimensional tensors": lambda indices: [torch.tensor(index) for index in indices],
    "list of NumPy integers": lambda indices: [np.int32(index) for index in indices],
    "deeply nested": lambda indices: ([[indices[0]], tuple(indices[1:3])], [[[np.array(indices[3:])]]]),
    "range and generator": lambda indices: [iter(indices[:2]), (index for index in indices[2:])],
    "read-only": lambda indices: np.frombuffer(np.array(indices).tobytes(), np.int64),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_indices_may_come_in_any_form(form: Callable[[list[int]], Any]) -> None:
    indices = [3, 1, 99, 3, 64, 63]
    tracker, expected = CoverageTracker(100, counts=True), CoverageTracker(100, counts=True)
    tracker.update(form(indices))
    for index in indices:
        expected.update(index)
    assert contents(tracker) == contents(expected)
    assert tracker.counts[3] == 2


@pytest.mark.parametrize("nothing", [[], (), [[], []], torch.empty(0, dtype=torch.int64), np.empty((0, 3), np.int32)])
def test_no_indices_change_nothing(nothing: Any) -> None:
    tracker = CoverageTracker(5)
    tracker.update(nothing)
    assert tracker.draws == tracker.unique == 0


@pytest.mark.parametrize(
    ("indices", "place", "value"),
    [
        ([0, 1, 10], 2, 10),
        ([-1], 0, -1),
        (torch.tensor([[3, 4], [-7, 99]]), 2, -7),
        (np.array([5, 2**31 - 1], np.int32), 1, 2**31 - 1),
        ([[1, 2], [3, -(2**63)]], 3, -(2**63)),
        ([0, 2**64], 1, 2**63 - 1),
        (np.array([0, 2**64 - 1], np.uint64), 1, 2**63 - 1),
        (10, 0, 10),
        ([0] * 200_000 + [-3] + [0] * 200_000 + [99], 200_000, -3),
    ],
)
@pytest.mark.parametrize("counts", [True, False])
def test_an_index_out_of_range_is_named_with_its_place_and_changes_nothing(
    indices: Any, place: int, value: int, counts: bool
) -> None:
    tracker = CoverageTracker(10, counts=counts)
    tracker.update([1, 1])
    before = contents(tracker)
    with pytest.raises(IndexError, match=rf"^indices must lie in \[0, 10\), but indices\[{place}\] is {value}$"):
        tracker.update(indices)
    assert contents(tracker) == before


@pytest.mark.parametrize(
    "indices",
    [1.0, [1, 2.0], True, [1, True], torch.tensor([1.0]), np.array([True]), None, [None], "12", [b"1"], {1: 2}, [{}]],
)
def test_what_is_no_index_is_a_type_error_and_changes_nothing(indices: Any) -> None:
    tracker = CoverageTracker(10)
    with pytest.raises(TypeError, match="indices must be integers"):
        tracker.update(indices)
    assert tracker.draws == 0


@pytest.mark.parametrize("number", [0, -1, 2**60])
def test_there_must_be_items(number: int) -> None:
    with pytest.raises(ValueError, match=f"num_items must be .*{number}"):
        CoverageTracker(number)
    with pytest.raises(TypeError, match="num_items must be an integer"):
        CoverageTracker(2.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("items", [1000, 600_001])
@pytest.mark.parametrize("threads", [1, 2, 3], ids="{}-threads".format)
def test_counts_stop_at_65535_and_threads_change_nothing(items: int, threads: int) -> None:
    torch.set_num_threads(threads)
    indices = torch.randint(items, (400_000,), generator=torch.Generator().manual_seed(0))
    indices[::2] = 7
    tracker = CoverageTracker(items, counts=True)
    tracker.update(indices)
    tracker.update(indices.int())
    expected = (2 * indices.bincount(minlength=items)).clamp(max=MOST)
    assert torch.equal(tracker.counts.long(), expected)
    assert expected[7] == MOST
    assert tracker.items_per_count()[-1] == 1
    assert len(tracker.items_per_count()) == MOST + 1
    assert torch.equal(tracker.unseen_items(), (expected == 0).nonzero()[:, 0])
    other = CoverageTracker(items, counts=True)
    other.update(indices)
    tracker.merge(other)
    assert torch.equal(tracker.counts.long(), (expected + indices.bincount(minlength=items)).clamp(max=MOST))


def test_items_beyond_a_chunk_are_listed_and_classed_like_the_first() -> None:
    items = 2**22 + 70
    labels = np.arange(items) % 3
    tracker = CoverageTracker(items, labels=labels, counts=True)
    tracker.update(torch.arange(0, items, 2))
    chunks = list(tracker.unseen_item_chunks())
    assert len(chunks) == 2
    assert torch.equal(torch.cat(chunks), torch.arange(1, items, 2))
    by_class = tracker.class_coverage()
    assert by_class.unique.tolist() == np.bincount(labels[::2]).tolist()
    assert by_class.draws is not None
    assert by_class.draws.tolist() == by_class.unique.tolist()


def test_coverage_by_class_counts_items_with_several_labels_for_each() -> None:
    labels = read_labels([{"cat"}, {"cat", "dog"}, set(), {"dog"}, {"dog", "cat"}], classes=["cat", "dog", "eel"])
    tracker = CoverageTracker(5, labels=labels, counts=True)
    tracker.update([1, 1, 2])
    tracker.new_epoch()
    tracker.update([4])
    by_class = tracker.class_coverage()
    assert by_class.classes == ("cat", "dog", "eel")
    assert by_class.num_items.tolist() == [3, 3, 0]
    assert by_class.unique.tolist() == [2, 2, 0]
    assert by_class.unique_this_epoch is not None
    assert by_class.unique_this_epoch.tolist() == [1, 1, 0]
    assert by_class.draws is not None
    assert by_class.draws.tolist() == [3, 3, 0]
    assert by_class.fraction[:2].tolist() == [2 / 3, 2 / 3]
    assert np.isnan(by_class.fraction[2])


def test_labels_must_fit() -> None:
    with pytest.raises(ValueError, match=r"one entry per item, but there are 3 for num_items=4"):
        CoverageTracker(4, labels=[0, 1, 0])


def test_what_was_not_asked_for_is_an_error_that_says_how_to() -> None:
    tracker = CoverageTracker(4, epochs=False)
    for ask, way in (
        (lambda: tracker.unique_this_epoch, "epochs=True"),
        (lambda: tracker.counts, "counts=True"),
        (tracker.items_per_count, "counts=True"),
        (tracker.class_coverage, "labels="),
    ):
        with pytest.raises(RuntimeError, match=way):
            ask()


def test_a_billion_items_take_125_megabytes() -> None:
    tracker = CoverageTracker(10**9, epochs=False)
    tracker.update([0, 10**9 - 1])
    with pytest.raises(IndexError, match=r"indices\[1\] is 1000000000"):
        tracker.update([0, 10**9])
    assert tracker.nbytes == 125_000_000
    assert CoverageTracker(1000, counts=True).nbytes == 2 * 128 + 2000


def test_updates_from_several_threads_all_count() -> None:
    items, rounds = 50, 200
    tracker = CoverageTracker(items, counts=True)
    watched = tracker.watch(list(range(items)))
    wrong: list[BaseException] = []

    def work(kind: int) -> None:
        try:
            for _ in range(rounds):
                if kind == 0:
                    tracker.update(torch.arange(items))
                elif kind == 1:
                    list(watched)
                else:
                    assert tracker.unique <= items
                    tracker.state_dict()
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(kind,)) for kind in (0, 0, 1, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert tracker.counts.tolist() == [4 * rounds] * items
    assert tracker.draws == 4 * rounds * items


def test_trackers_that_do_not_fit_together_are_not_merged() -> None:
    tracker = CoverageTracker(10, counts=True)
    tracker.update([1])
    before = contents(tracker)
    for other, difference in (
        (CoverageTracker(11, counts=True), "num_items=10, but the other 11"),
        (CoverageTracker(10), "keeps counts"),
        (CoverageTracker(10, counts=True, epochs=False), "keeps epochs"),
        (tracker, "itself"),
    ):
        with pytest.raises(ValueError, match=difference):
            tracker.merge(other)
        assert contents(tracker) == before
    with pytest.raises(TypeError, match="but got dict"):
        tracker.merge(tracker.state_dict())  # type: ignore[arg-type]
    other = CoverageTracker(10)
    other.merge(tracker)  # what the other knows more does not matter
    assert other.unique == 1


def test_a_copy_goes_on_alone() -> None:
    tracker = CoverageTracker(5, counts=True, labels=["a", "b", "a", "b", "a"])
    tracker.update([0, 1])
    tracker.new_epoch()
    for made in (copy.deepcopy(tracker), pickle.loads(pickle.dumps(tracker))):
        assert contents(made) == contents(tracker)
        made.update([4])
        assert made.class_coverage().unique.tolist() == [2, 1]
    assert tracker.class_coverage().unique.tolist() == [1, 1]
    assert repr(tracker) == "CoverageTracker(2 of 5 items seen in 2 draws, epoch 1)"


def test_indices_that_lie_anywhere_in_memory_are_aligned_first() -> None:
    askew = np.frombuffer(bytes(1) + np.arange(5, dtype=np.int64).tobytes(), np.uint8)[1:].view(np.int64)
    assert not askew.flags.aligned  # or the test shows nothing
    assert flat_indices(askew).flags.aligned
    tracker = CoverageTracker(6)
    tracker.update(askew)
    assert tracker.unseen_items().tolist() == [5]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_while_another_thread_holds_the_lock_leaves_the_child_a_free_one() -> None:
    tracker = CoverageTracker(4)
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with tracker._shared.lock:
            taken.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait()
    child = os.fork()
    if child == 0:
        os._exit(0 if tracker._shared.lock.acquire(timeout=5) else 1)
    done.set()
    holder.join()
    assert os.waitpid(child, 0)[1] == 0
