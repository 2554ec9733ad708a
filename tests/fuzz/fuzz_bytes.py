"""Fuzzed bytes: files, pickles and states of tables and trackers with some of them changed. Refused, or the same."""

from __future__ import annotations

import os
import pickle
import tempfile
from typing import Any

import numpy as np
import torch
from fuzz_chance import Chance, attempt, must
from fuzz_inputs import plain_weights

from pysampler import AliasTable, ClassTable, CoverageTracker, DynamicTable, MPerClassBatches, UnderSampling

_FOLDER = tempfile.TemporaryDirectory(prefix="pysampler-fuzz-")  # gone when the process ends


def _made(chance: Chance) -> Any:
    values = np.append(plain_weights(chance, chance.randint(0, 9)), 1.0)
    kind = chance.randrange(4)
    if kind == 0:
        return AliasTable(values)
    if kind == 1:
        classes = chance.numpy().integers(0, len(values), 12)
        if chance.maybe(0.5):
            classes.sort()
        names = [f"class {code}" for code in classes.tolist()] if chance.maybe(0.5) else classes
        return ClassTable(names, np.ones(len(set(classes.tolist())) if names is not classes else classes.max() + 1))
    if kind == 2:
        wide = chance.maybe(0.5) or values.max() > 3e38
        return DynamicTable(values if wide else torch.from_numpy(values).float())
    tracker = CoverageTracker(70, counts=chance.maybe(0.5), epochs=chance.maybe(0.5))
    tracker.update(chance.numpy().integers(0, 70, 30))
    return tracker


def _contents(made: Any) -> Any:
    """What tells whether it is the same: names of classes too."""
    if isinstance(made, CoverageTracker):
        counts = attempt(made.items_per_count).tolist() if made._shared.store.counts is not None else None
        return made.unseen_items().tolist(), made.draws, made.epoch, counts
    return made.fingerprint, getattr(made, "classes", None)


def damage(chance: Chance, raw: bytes) -> bytes:
    """Bytes of which some differ, are lacking, or are too many."""
    kind = chance.randrange(8)
    changed = bytearray(raw)
    if kind < 3 and raw:
        changed[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    elif kind == 3 and raw:
        changed[chance.randrange(len(raw))] = chance.randrange(256)
    elif kind == 4:
        changed = changed[: chance.randrange(len(raw) + 1)]
    elif kind == 5:
        changed += bytes(chance.randrange(256) for _ in range(chance.randint(1, 70)))
    elif kind == 6 and raw:
        begin = chance.randrange(len(raw))
        changed[begin : begin + chance.randint(1, 16)] = bytes(
            chance.randrange(256) for _ in range(chance.randint(0, 20))
        )
    elif raw:
        begin, other = chance.randrange(len(raw)), chance.randrange(len(raw))
        changed[begin : begin + 8] = raw[other : other + 8]
    return bytes(changed)


def files(chance: Chance) -> None:
    made = _made(chance)
    path = os.path.join(_FOLDER.name, f"{os.getpid()}.file")
    made.save(path)
    with open(path, "rb") as file:
        raw = file.read()
    changed = damage(chance, raw) if chance.maybe(0.9) else raw
    with open(path, "wb") as file:
        file.write(changed)
    more = {}
    if isinstance(made, AliasTable | ClassTable):
        more = {"mmap": chance.maybe(0.5)}
    again = attempt(type(made).load, path, **more)
    must(changed == raw or _contents(again) == _contents(made), "a damaged file was read", _contents(again))


def pickles(chance: Chance) -> None:
    """What pickles hold: the parts that objects are made of again, changed."""
    made = _made(chance)
    if chance.maybe(0.3):
        labels = chance.numpy().integers(0, 4, 12)
        made = chance.one([lambda: UnderSampling(labels), lambda: MPerClassBatches(labels, 2, None, 100)])()
    call, parts = made.__reduce__()[:2]
    changed = _changed_parts(chance, list(parts))
    of_another_device = isinstance(made, AliasTable) and not (type(changed[2]) is str and changed[2] == "cpu")
    wrong: Any = (AttributeError, RuntimeError) if of_another_device else (AttributeError,)
    again = attempt(call, *changed, also=wrong)  # AttributeError: of another type altogether
    if isinstance(again, CoverageTracker):
        undamaged = _contents(again) == _contents(made) or changed[2] is None  # without a checksum, as older ones are
        must(undamaged, "a damaged pickle was read", again)
        attempt(again.update, list(range(again.num_items)))
        must(again.unique == again.num_items, "not all are marked", again)
        return
    length = attempt(int, again.default_draws)
    if 0 < len(again) < 10**6 and 0 < length < 10**6:
        drawn = attempt(again.draw, 20 if length >= 20 else length, seed=chance.randrange(9))
        must(bool(((drawn >= 0) & (drawn < len(again))).all()), "an index out of range", drawn)
        attempt(lambda: (again.fingerprint, pickle.dumps(again)))


def _changed_parts(chance: Chance, parts: list[Any]) -> list[Any]:
    place = chance.randrange(len(parts))
    part = parts[place]
    if isinstance(part, bytes):
        parts[place] = damage(chance, part)
    elif hasattr(part, "__reduce__") and type(part).__module__.startswith("pysampler") and chance.maybe(0.9):
        call, inner = part.__reduce__()[:2]
        if getattr(call, "__module__", "").startswith("pysampler"):
            parts[place] = attempt(call, *_changed_parts(chance, list(inner)), also=(AttributeError,))
        else:
            parts[place] = _changed_fields(chance, part)
    elif isinstance(part, np.ndarray) and part.size and chance.maybe(0.7):
        changed = part.copy()
        changed.reshape(-1)[chance.randrange(part.size)] = chance.one([0, 1, 5, 2**31 - 1])
        parts[place] = changed
    else:
        parts[place] = chance.one([None, 0, 1, -1, 3, 2**40, 10**400, "x", b"", b"x" * 64, (), ("a",), [1], 1.5,
                                   np.zeros(3, np.int64), np.zeros(0, np.uint64), torch.zeros(3)])  # fmt: skip
    return parts


def _changed_fields(chance: Chance, part: Any) -> Any:
    """A record with a field of another value."""
    import dataclasses  # noqa: PLC0415

    field = chance.one(dataclasses.fields(part)).name
    value = getattr(part, field)
    if isinstance(value, np.ndarray) and value.size and chance.maybe(0.7):
        other: Any = value.copy()
        other[chance.randrange(value.size)] = chance.randrange(2**16)
    else:
        other = chance.one([None, 0, -1, 10**400, "x", 2**62, np.zeros(1, np.uint64), torch.zeros(2)])
    return dataclasses.replace(part, **{field: other})


def dynamic_states(chance: Chance) -> None:
    table = DynamicTable(np.append(plain_weights(chance, 5), 1.0))
    state = table.state_dict()
    before = table.fingerprint
    name = chance.one(list(state))
    weights = state["weights"]
    bad: list[Any] = [
        None, -1, 10**400, 2**31, -(2**31), 70, "x", 1.5, True, "0" * 32, weights[:0], weights[:-1], weights.float(),
        weights.to("meta"), weights.to_sparse(), weights.clone().requires_grad_(), weights[None], -weights,
        weights * float("nan"), weights.flip(0), torch._neg_view(-weights), weights.expand(3, -1)[0], [1.0], weights * 2,
    ]  # fmt: skip
    state[name] = chance.one(bad)
    try:
        attempt(table.load_state_dict, chance.one([state, state, state, state, None, 3, [], {**state, "more": 1}]))
    except BaseException:
        must(table.fingerprint == before, "a refused state has changed the table")
        raise
    must(table.fingerprint == state["fingerprint"], "another table than the state says")
    table.draw(5, seed=0)


ALL = (files, pickles, dynamic_states)
