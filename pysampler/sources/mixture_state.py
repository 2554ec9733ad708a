"""The state of a mixture: its stages set later than at construction, and what tells which source has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pysampler.inputs.shown import shown
from pysampler.sources.mixture_schedule import MAX_POSITION, ScheduleReader, Stage
from pysampler.sources.mixture_shares import TOTAL

MAX_NAMED = 1024  # sizes kept, so that an error can say which one differs


def write_stages(later: Sequence[Stage], window: int, sizes: Sequence[int], digest: str) -> dict[str, Any]:
    """Returns the state.

    Args:
        later: Stages set later than at construction.
        window: Positions of a window.
        sizes: Of the sources: the first of them are told.
        digest: Of all sources, which later stages may give shares to.
    """
    told: dict[str, Any] = {"window": window, "sources": len(sizes), "sizes": list(sizes[:MAX_NAMED])}
    if later:
        told["digest"] = digest
        told["stages"] = [[first, list(masses)] for first, masses in later]
    return told


def read_stages(
    state: Mapping[str, Any], reader: ScheduleReader, taken: set[int], digest: Callable[[int], str]
) -> list[Stage]:
    """Returns the stages of a state, of as many sources as there are here.

    Args:
        state: What ``write_stages`` returned.
        reader: Of the mixture here.
        taken: Windows with which stages given at construction begin.
        digest: That of so many of the sources here.

    Raises:
        ValueError: Not a state of this mixture, or of one that has its first sources.
    """
    unknown = set(state) - {"window", "sources", "sizes", "digest", "stages"}
    if unknown:
        raise ValueError(f"this is no state of a mixture: it has {sorted(map(str, unknown))}")
    if "window" not in state:
        raise ValueError("this is no state of a mixture: it names no window")
    listed = state.get("stages", [])
    if not isinstance(listed, list | tuple):
        raise ValueError(f"the state is damaged: the mixture's stages are {shown(listed)}")
    stages: list[Stage] = []
    here, counted = len(reader.names), 0
    for number, stage in enumerate(listed):
        first, masses = stage if _is_stage(stage) else (-1, [])
        if len(masses) > here:
            raise ValueError(f"the state has {len(masses)} sources, but there are {here} here: {_AT_THE_END}")
        last = stages[-1].first if stages else 0
        sources = len(masses)
        sound = last < first < MAX_POSITION and first not in taken and sum(masses) == TOTAL
        if not sound or (stages and sources != counted):
            raise ValueError(f"the state is damaged: stage {number} of the mixture is {shown(stage)}")
        counted = sources
        stages.append(Stage(first, [*masses, *[0] * (here - sources)]))
    if stages and state.get("digest") != digest(counted):
        raise ValueError(f"the state belongs to another mixture. {difference_of(state, reader)}")
    for stage in stages:
        reader.check_filled(stage.masses)
    return stages


def difference_of(state: Mapping[str, Any], reader: ScheduleReader) -> str:
    """Says in what a mixture differs from the one whose state this is, and what to do."""
    sizes, sources = state.get("sizes"), state.get("sources")
    if not isinstance(sizes, list | tuple) or type(sources) is not int:
        return "The state is not one of a mixture"
    if state.get("window") != reader.window:
        return f"The window was {state.get('window')} when the state was saved, and is {reader.window} here: take that"
    for size, here, name in zip(sizes, reader.sizes, reader.names, strict=False):
        if size != here:
            return (
                f"Source {name} had {size} items when the state was saved, and has {here} here, so that its passes "
                f"would not go on: keep its first {size} items as they are, and add others as a source at the end"
            )
    if sources > len(reader.sizes):
        return f"There were {sources} sources when the state was saved, and are {len(reader.sizes)} here: {_AT_THE_END}"
    return (
        "The sources have the sizes that they had, so it is a table, or the shares given at construction: give the "
        "constructor what it was given then, with share 0 for sources added at the end, and new shares to at() or "
        "change_on_all_ranks()"
    )


_AT_THE_END = "sources may be added at the end, but not taken away (share 0 keeps one out)"


def _is_stage(stage: Any) -> bool:
    if not isinstance(stage, list | tuple) or len(stage) != 2:
        return False
    first, masses = stage
    listed = isinstance(masses, list | tuple)
    return type(first) is int and listed and all(type(mass) is int and mass >= 0 for mass in masses)
