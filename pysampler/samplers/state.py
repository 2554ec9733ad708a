"""The state of a sampler: small, the same on every rank, and tied to what it was drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pysampler.inputs.numbers import MAX_EPOCH
from pysampler.samplers.passes import Pass

VERSION = 1

State = dict[str, Any]


@dataclass(frozen=True)
class Identity:
    """What must be the same for a position to mean the same draw. Nothing of it depends on rank or world size.

    Attributes:
        kind: "weighted" or "shuffle".
        method: How draws relate to each other: "iid", "systematic", or "permutation" for a shuffle.
        replacement: Whether an item may come again within an epoch.
        draws_per_epoch: Over all ranks, without padding.
        fingerprint: Of the table, or of whatever else is drawn from.
        seed: The seed modulo 2^64; None if every pass takes its key from a generator.
        global_batch_size: Where batches are balanced as a whole (stratified systematic draws), else None.
    """

    kind: str
    method: str
    replacement: bool
    draws_per_epoch: int
    fingerprint: str
    seed: int | None
    global_batch_size: int | None = None


def write_state(identity: Identity, where: Pass) -> State:
    """Returns the state as a dict of ints, bools and strings: it survives JSON, pickle and torch.save alike."""
    return {"version": VERSION, **vars(identity), **vars(where)}


def read_state(state: Any, expected: Identity) -> Pass:
    """Returns where ``state`` stands.

    Raises:
        TypeError: No mapping.
        ValueError: Of another sampler (the message names each difference), of a newer version, incomplete or damaged.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"a sampler's state is a dict, but got {type(state).__name__}")
    version = state.get("version")
    if type(version) is not int or version < 1:
        raise ValueError(f"this is no sampler's state: its version is {version!r}")
    if version > VERSION:
        raise ValueError(
            f"the state has version {version}, but this pysampler reads up to {VERSION}: a newer one wrote it"
        )
    names = [field.name for kind in (Identity, Pass) for field in fields(kind)]
    missing = [name for name in names if name not in state]
    if missing:
        raise ValueError(f"the sampler's state is incomplete: it lacks {', '.join(missing)}")
    differences = [
        f"{name} is {state[name]!r} in the state but {value!r} here"
        for name, value in vars(expected).items()
        if type(state[name]) is not type(value) or state[name] != value
    ]
    if differences:
        raise ValueError(f"the state belongs to another sampler: {'; '.join(differences)}")
    return _read_pass(state, expected)


def _read_pass(state: Mapping[str, Any], expected: Identity) -> Pass:
    epoch, position, key = state["epoch"], state["position"], state["key"]
    limits = [("epoch", epoch, MAX_EPOCH), ("position", position, expected.draws_per_epoch)]
    for name, value, most in limits:
        if not _is_whole(value, 0, most):
            raise ValueError(f"the state is damaged: {name} must be an int in [0, {most}], but is {value!r}")
    if key is None and position > 0:
        raise ValueError(f"the state is damaged: position {position} of an epoch without a key")
    if key is not None and not _is_whole(key, 0, 2**64 - 1):
        raise ValueError(f"the state is damaged: key must be an int in [0, 2^64) or None, but is {key!r}")
    if key is not None and expected.seed is not None and key != expected.seed:
        raise ValueError(f"the state is damaged: key {key} differs from seed {expected.seed}")
    return Pass(epoch, position, key)


def _is_whole(value: Any, least: int, most: int | None = None) -> bool:
    return type(value) is int and value >= least and (most is None or value <= most)
