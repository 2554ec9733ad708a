"""Threads that share the objects of pysampler._core, alone: neither torch nor NumPy, which no ThreadSanitizer knows.

Usage: python core_threads.py PATH_OF_THE_COMPILED_MODULE, with a free-threaded Python. Says "passed" at the end. With a
module compiled by -fsanitize=thread a race ends it before; .ci/free_threaded does that.
"""

import gc
import importlib.util
import itertools
import sys
from array import array
from collections import Counter, deque
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))
from threads import together

THREADS = 4
ITEMS = 1000


def loaded(path):
    spec = importlib.util.spec_from_file_location("_core", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


core = loaded(sys.argv[1])


def address(values):
    return values.buffer_info()[0]


def table():
    weights = array("d", [i % 7 + 1.0 for i in range(ITEMS)])
    return core.Table.build(address(weights), ITEMS, True, 2)


def mixture():
    made = core.Mixture(64)
    made.add_items(300)
    made.add_items(700)
    made.set_stages([equal_shares(made)])
    return made


def equal_shares(made):
    """A stage from the beginning on: each source has half of a window's 64 points."""
    return made.stage(0, [0, 1], [0, 32, 64], [0, 0, 0], [], [], [], 0)


def dynamic():
    weights = array("d", [1.0] * ITEMS)
    return core.DynamicTable(address(weights), ITEMS, True, ITEMS, None, 2)


def in_python():
    version = core.Version()
    draws = core.CallbackDraws(
        lambda start, step, count: array("q", range(start, start + step * count, step)),
        lambda start, step, count: array("q", [0] * count),
        version,
    )
    return draws, version


DRAWS = 20_000
SOURCES = {
    "table": lambda: core.StreamDraws(table(), 1, 0),
    "shuffle": lambda: core.ShuffledDraws(ITEMS, 1, 0),
    "mixture": lambda: core.MixtureDraws(mixture(), 1, 0, DRAWS),
    "dynamic": lambda: core.DynamicDraws(dynamic(), 1, 0, core.DrawRecord([])),
    "in Python": lambda: in_python()[0],
    "buffer": lambda: core.BufferDraws(array("q", range(DRAWS)), core.ShuffledDraws(ITEMS, 1, 0)),
}


def begun(source, batch=None):
    """An iterator over all positions: of indices, or of lists of ``batch``."""

    def begin():
        return core.PositionSource(source, 0, 1, DRAWS, DRAWS)

    return core.IndexIterator(begin) if batch is None else core.BatchIterator(begin, batch, False)


def iterators_are_shared(make):
    for batch in (None, 1, 37):
        expected = Counter(map(repr, begun(make(), batch)))
        iterator = begun(make(), batch)
        found, progress = shared_by_all(iterator, partial(read_progress, iterator))
        assert Counter(map(repr, found)) == expected, batch
        assert progress == iterator.handed_out == DRAWS


def shared_by_all(iterator, meanwhile):
    """What threads get from an iterator, in no order, and what another one returns that runs beside them."""
    *parts, result = together(*[partial(list, iterator)] * THREADS, meanwhile)
    return list(itertools.chain(*parts)), result


def read_progress(iterator):
    progress = iterator.progress
    while iterator.handed_out < DRAWS:
        assert progress.count <= DRAWS
    return progress.count


def a_version_moves_while_others_read():
    source, version = in_python()
    found, _ = shared_by_all(begun(source), lambda: [version.advance() for _ in range(2000)])
    assert sorted(found) == list(range(DRAWS))


def a_table_is_read_by_all():
    one = table()
    expected = array("q", [0] * 500)
    one.draw_into(address(expected), 500, 3, 0, 0, 1, 1)

    def read():
        for _ in range(50):
            found = array("q", [0] * 500)
            one.draw_into(address(found), 500, 3, 0, 0, 1, 2)
            assert found == expected
            again = core.Table.over(memoryview(one), True, 2)
            assert again.fingerprint(2) == one.fingerprint(1)

    together(*[read] * THREADS)


def a_dynamic_table_is_updated_and_drawn_from():
    one = dynamic()
    record = core.DrawRecord([])
    draws = core.DynamicDraws(one, 1, 0, record)

    def update(first):
        for number in range(1, 101):
            places = array("q", range(first, first + 300))
            weights = array("d", [float(number)] * 300)
            one.update(address(places), address(weights), 300, 2)

    def draw():
        out = array("q", [0] * 200)
        for number in range(100):
            draws.draw_into(address(out), 200, 200 * number, 1, 2)
            assert max(out) < ITEMS
            one.largest(), one.smallest(), one.summary(), record.stretches()
            distinct = array("q", [0] * 50)
            one.draw_distinct_into(address(distinct), 50, 1, number)
            assert len(set(distinct)) == 50

    together(lambda: update(0), lambda: update(500), draw, draw)
    assert one.summary()[4] == 200
    assert one.largest() == 100.0


def stages_are_set_while_others_draw():
    one = mixture()
    expected = sorted(begun(core.MixtureDraws(one, 1, 0, DRAWS)))
    found, _ = shared_by_all(
        begun(core.MixtureDraws(one, 1, 0, DRAWS)), lambda: [one.set_stages([equal_shares(one)]) for _ in range(200)]
    )
    assert sorted(found) == expected


def objects_come_and_go():
    def make():
        for _ in range(50):
            iterator = core.IndexIterator(lambda: core.PositionSource(core.ShuffledDraws(50, 1, 0), 0, 1, 50, 50))
            deque(iterator, maxlen=0)
            cycle = [core.IndexIterator(lambda: None)]
            cycle.append(cycle)

    together(make, make, make, lambda: [gc.collect() for _ in range(10)])


if getattr(sys, "_is_gil_enabled", lambda: True)():
    raise SystemExit("the interpreter's lock is on: nothing would be shown")
for name, source_of in SOURCES.items():
    iterators_are_shared(source_of)
    print("shared:", name, flush=True)
for check in (
    a_version_moves_while_others_read,
    a_table_is_read_by_all,
    a_dynamic_table_is_updated_and_drawn_from,
    stages_are_set_while_others_draw,
    objects_come_and_go,
):
    check()
    print(check.__name__.replace("_", " "), flush=True)
print("passed")
