"""A share of the fuzzed calls in every run, with fixed seeds; and that the law can be broken at all.

More by hand: ``python -m tests.fuzz --lives 1000000 --seed 7``; it says how to make a call again that broke the law.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fuzz_inputs
import fuzz_operations
import torch
from fuzz_campaign import Campaign, Failure, one_call
from fuzz_chance import Chance, Refused, attempt, judged
from processes import in_child, run

from pysampler import AliasTable

LIVES = 300  # of each operation, 40 of slow ones: 10 s of an idle machine in all


@pytest.mark.parametrize("name", fuzz_operations.BY_NAME)
def test_fuzzed_calls_keep_the_law(name: str) -> None:
    """Results are the oracle's, errors of documented types; in a child, so that a crash is one failure."""

    operation = fuzz_operations.BY_NAME[name]
    lives = 40 if operation in fuzz_operations.SLOW else LIVES

    def campaign() -> tuple[int, str]:
        torch.set_num_threads(1)
        made = Campaign([operation], seed=20261127)
        made.run(0, lives)
        return made.accepted[name], "\n".join(text for texts in made.failures.values() for text in texts)

    accepted, broken = in_child(campaign)
    assert not broken, broken
    assert accepted > lives // 60  # or it would try hardly anything


def test_a_call_is_made_again_by_its_seed_and_number() -> None:
    drawn: list[Any] = []

    def operation(chance: Chance) -> None:
        drawn.append((chance.random(), chance.numpy().random(), fuzz_inputs.weights(chance).valid))

    for number in (3, 4, 3):
        one_call(operation, 1, number)
    assert drawn[0] == drawn[2] != drawn[1]


def _undocumented(chance: Chance) -> None:
    attempt(lambda: torch.zeros(1, device="meta").item())


def _refused_although_valid(chance: Chance) -> None:
    judged(True, AliasTable, [-1.0])


def _accepted_although_not(chance: Chance) -> None:
    judged(False, AliasTable, [1.0])


@pytest.mark.parametrize("operation", [_undocumented, _refused_although_valid, _accepted_although_not])
def test_what_breaks_the_law_is_found_and_named(operation: Any) -> None:
    with pytest.raises(Failure, match=rf"--seed 5 --only {operation.__name__} --first 7 --lives 1"):
        one_call(operation, 5, 7)


def test_a_wrong_draw_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = AliasTable.draw

    def one_off(self: Any, n: Any, **named: Any) -> Any:
        drawn = real(self, n, **named)
        if len(drawn) > 5:
            drawn[5] = (drawn[5] + 1) % len(self)
        return drawn

    monkeypatch.setattr(AliasTable, "draw", one_off)
    campaign = Campaign([fuzz_operations.BY_NAME["alias_table"]], seed=0)
    campaign.run(0, 60)
    assert any("draws of an alias table" in text for text in campaign.failures["alias_table"])


def test_valid_and_hostile_arguments_are_both_common() -> None:
    verdicts = [fuzz_inputs.weights(Chance(number)).valid for number in range(500)]
    assert min(verdicts.count(True), verdicts.count(None)) > 30 < verdicts.count(False)
    with pytest.raises(Refused):
        attempt(AliasTable, np.array([]))


def test_the_command_counts_what_it_calls_and_tells_of_a_crash(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = f"""
        import runpy, sys
        sys.argv[1:] = ["--lives", "40", "--only", "shuffle", "stream_state"]
        sys.path.insert(0, {str(root)!r})
        runpy.run_module("tests.fuzz", run_name="__main__")
        """
    result = run(command, folder=root)
    assert result.returncode == 0, result.stderr
    assert "40 lives, " in result.stdout
    died = run(
        f"""
        import sys
        sys.path[:0] = [{str(root / "tests/fuzz")!r}, {str(root / "tests/support")!r}, {str(root)!r}]
        import fuzz_campaign, fuzz_command
        journal = {str(tmp_path / "journal")!r}
        open(journal, "w").write("--seed 0 --only shuffle --first 3")
        sys.executable = "/bin/false"
        print(fuzz_campaign.supervised([], journal))
        """,
        folder=root,
    )
    assert "died with status 1 of: python -m tests.fuzz --seed 0 --only shuffle --first 3 --lives 1" in died.stdout
