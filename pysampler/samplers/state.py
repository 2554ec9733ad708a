"""The state of a sampler: small, the same on every rank, and tied to what it was drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from typing_extensions import Self

from pysampler.inputs.numbers import MAX_EPOCH
from pysampler.samplers.pass_keys import generator_from_text, generator_text
from pysampler.samplers.passes import Pass
from pysampler.sources.base import Source

VERSION = 2

State = dict[str, Any]


@dataclass(frozen=True)
class Identity:
    """What must be the same for a position to mean the same draw. Nothing of it depends on rank or world size.

    Attributes:
        kind: The source's, for instance "weighted" or "shuffle".
        method: How draws relate to each other: "iid", "systematic", "permutation".
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

    @classmethod
    def of(cls, source: Source, draws: int, seed: int | None) -> Self:
        """Returns that of a source, drawn from in epochs of ``draws`` draws with this seed. O(N) the first time."""
        return cls(
            source.kind,
            source.method,
            source.replacement,
            draws,
            source.fingerprint,
            seed,
            source.global_batch_size,
        )


@dataclass(frozen=True)
class StoredState:
    """What a state says: where it stands, and what the source and the generator need to go on."""

    where: Pass
    source: Mapping[str, Any]
    generator: torch.Tensor | None


def write_state(
    identity: Identity, where: Pass, source: Mapping[str, Any] | None = None, generator: torch.Tensor | None = None
) -> State:
    """Returns the state as a dict of ints, bools and strings: it survives JSON, pickle and torch.save alike."""
    state = {"version": VERSION, **vars(identity), **vars(where)}
    if source:
        state["source"] = dict(source)
    if generator is not None:
        state["generator"] = generator_text(generator)
    return state


def read_state(state: Any, expected: Identity, source: Source | None = None) -> StoredState:
    """Returns what ``state`` says.

    Args:
        state: What was saved.
        expected: What it must agree with.
        source: Who is asked for the difference if fingerprints differ.

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
    if version == 1:  # had every pass draw at its own epoch, and did not tell who counts epochs
        state = {**state, "stream_epoch": None if state.get("key") is None else state.get("epoch"), "pinned": False}
    names = [field.name for kind in (Identity, Pass) for field in fields(kind)]
    missing = [name for name in names if name not in state]
    if missing:
        raise ValueError(f"the sampler's state is incomplete: it lacks {', '.join(missing)}")
    own = state.get("source", {})
    if not isinstance(own, Mapping):
        raise ValueError(f"the state is damaged: source must be a dict, but is {own!r}")
    _check_same(state, expected, source)
    return StoredState(_read_pass(state, expected), own, generator_from_text(state.get("generator")))


def _check_same(state: Mapping[str, Any], expected: Identity, source: Source | None) -> None:
    differing = [
        name for name, value in vars(expected).items() if type(state[name]) is not type(value) or state[name] != value
    ]
    if not differing:
        return
    differences = "; ".join(
        f"{name} is {state[name]!r} in the state but {getattr(expected, name)!r} here" for name in differing
    )
    way_out = ""
    difference = (
        source.difference(state.get("source", {})) if source is not None and "fingerprint" in differing else None
    )
    if difference is not None:
        way_out = f". {difference}"
    elif differing == ["fingerprint"]:
        way_out = (
            ". Items are drawn with other weights, from other data or in another version's order than when the state "
            "was saved, so its position means nothing here: go on with those, or begin anew from the next epoch by "
            f"set_epoch({state['epoch'] + 1 if type(state['epoch']) is int else 0})"
        )
    raise ValueError(f"the state belongs to another sampler: {differences}{way_out}")


def _read_pass(state: Mapping[str, Any], expected: Identity) -> Pass:
    where = Pass(*(state[field.name] for field in fields(Pass)))
    for name, value, most in (
        ("epoch", where.epoch, MAX_EPOCH),
        ("position", where.position, expected.draws_per_epoch),
    ):
        if not _is_whole(value, 0, most):
            raise ValueError(f"the state is damaged: {name} must be an int in [0, {most}], but is {value!r}")
    key = where.key
    if key is None and where.position > 0:
        raise ValueError(f"the state is damaged: position {where.position} of an epoch without a key")
    if key is not None and not _is_whole(key, 0, 2**64 - 1):
        raise ValueError(f"the state is damaged: key must be an int in [0, 2^64) or None, but is {key!r}")
    if key is not None and expected.seed is not None and key != expected.seed:
        raise ValueError(f"the state is damaged: key {key} differs from seed {expected.seed}")
    wanted = {None} if key is None else {0, where.epoch}
    if type(where.stream_epoch) is bool or where.stream_epoch not in wanted:
        raise ValueError(f"the state is damaged: stream_epoch {where.stream_epoch!r} of epoch {where.epoch}")
    if type(where.pinned) is not bool:
        raise ValueError(f"the state is damaged: pinned must be a bool, but is {where.pinned!r}")
    return where


def _is_whole(value: Any, least: int, most: int | None = None) -> bool:
    return type(value) is int and value >= least and (most is None or value <= most)
