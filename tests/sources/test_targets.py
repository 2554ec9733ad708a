"""CPU targets: every kernel the processor can run, forced by the environment, gives the same bits."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from processes import LOAD_CORE, output_of, run

import pysampler

VARIABLE = "PYSAMPLER_CPU_TARGET"
TARGETS = ["avx512", "avx2", "sse2", "neon", "portable"]

# What a process with one target sees: which target ran, then digests of tables and draws that reach every kernel.
DIGESTS = """
import hashlib, json, sys
import numpy as np
import torch
import oracle, pysampler
from families import FAMILIES, hashed_integers
from pysampler import AliasTable, ClassTable, Mixture, MPerClassBatches, UnderSampling
from pysampler import WeightedRandomSampler, multinomial

torch.set_num_threads(2)

def digest(values):
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()

seen = {"target": pysampler.cpu_target(), "targets": pysampler.cpu_targets()}
for name, family in FAMILIES.items():
    for items in (1, 2, 17, 1000, 1025, 5003, 140_001):
        for dtype in (np.float64, np.float32):
            with np.errstate(over="ignore", under="ignore"):
                weights = np.minimum(family(items).astype(dtype), np.finfo(dtype).max)
            if weights.any():
                seen[f"table {name} {items} {dtype.__name__}"] = AliasTable(weights).fingerprint
for items in (7, 200_003, 1_000_003):
    table = AliasTable(hashed_integers(items))
    for start, step in ((0, 1), (5, 1), (13, 3), (2**40 + 7, 1000), (2**62, 1)):
        for count in (1, 100, 70_001, 1_100_003):
            drawn = table.draw(count, seed=-9, epoch=2**47 + 1, start=start, step=step)
            seen[f"draw {items} {start} {step} {count}"] = digest(drawn)
    out = torch.empty(2_200_003, dtype=torch.int64)
    for start in (0, 9):
        table._core.draw_evaluated(out.data_ptr(), len(out), 7, 8, start, 1, 2, False, "partitioned")
        seen[f"partitioned {items} {start}"] = digest(out)
for classes in (1, 10, 60_000):
    labels = hashed_integers(300_003, classes).astype(np.int64)
    for kind, own in (("mixed", labels), ("sorted", np.sort(labels))):
        table = ClassTable(own, hashed_integers(int(labels.max()) + 1) + 1)
        seen[f"class table {classes} {kind}"] = table.fingerprint
        for start, step, count in ((0, 1, 1_100_003), (5, 1, 70_001), (13, 3, 70_001), (2**62, 1, 100)):
            drawn = table.draw(count, seed=-9, epoch=2**47 + 1, start=start, step=step)
            seen[f"class draw {classes} {kind} {start} {step}"] = digest(drawn)
    seen[f"under {classes}"] = digest(UnderSampling(labels, 3).draw(50_001, seed=1, epoch=2))
    seen[f"m per class {classes}"] = digest(MPerClassBatches(labels, 3).draw(50_001, seed=1, epoch=2))
for shares in ([5, 3, 1], [1] * 1000, [300, *hashed_integers(400, 50)]):
    mixture = Mixture([10**6, 70, *[999] * (len(shares) - 2)], shares, window=100)
    for start, step, count in ((0, 1, 300_001), (5, 13, 20_001), (2**60, 2**30, 30)):
        seen[f"mixture {len(shares)} {start} {step}"] = digest(mixture.draw(count, seed=3, start=start, step=step))
generator = torch.Generator().manual_seed(1)
weights = torch.from_numpy(hashed_integers(60_000) + 1)
for shape in ((60_000,), (600, 100), (3, 20_000)):
    for dtype in (torch.float64, torch.float32):
        for count, replacement in ((500, True), (50, False), (shape[-1], False), (1, False)):
            drawn = multinomial(weights.to(dtype).reshape(shape), count, replacement, generator=generator)
            seen[f"multinomial {shape} {dtype} {count} {replacement}"] = digest(drawn)
for name, family in FAMILIES.items():
    weights = family(30_000)
    positive = int((weights > 0).sum())
    for count in {1, positive // 10 + 1, positive}:
        seen[f"without {name} {count}"] = digest(list(WeightedRandomSampler(weights, count, False, seed=3)))
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def portable() -> dict[str, Any]:
    """What every other target must see."""
    return digests("portable")


def digests(target: str) -> dict[str, Any]:
    folder = str(Path(__file__).parents[1] / "support")
    seen: dict[str, Any] = json.loads(
        output_of(f"import sys; sys.path.insert(0, {folder!r})\n" + DIGESTS, {VARIABLE: target})
    )
    assert seen.pop("target") == target
    return seen


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_gives_the_same_tables_and_draws(target: str, portable: dict[str, Any]) -> None:
    if target not in pysampler.cpu_targets():
        pytest.skip(f"this processor has no {target}")
    seen = portable if target == "portable" else digests(target)
    assert len(seen) > 300
    differing = [name for name in seen if seen[name] != portable[name]]
    assert not differing


def test_targets_are_listed_best_first() -> None:
    targets = pysampler.cpu_targets()
    assert targets == [target for target in TARGETS if target in targets]
    assert targets[-1] == "portable"
    assert pysampler.cpu_target() in targets


def test_the_target_in_use_is_the_one_asked_for() -> None:
    """With the variable set, the whole suite runs under that target: this test proves it."""
    assert pysampler.cpu_target() == (os.environ.get(VARIABLE) or pysampler.cpu_targets()[0])


USES = ["cpu_target()", "AliasTable([1.0, 2.0])", "ShuffleSampler(5).__iter__().__next__()"]
SAY_WHY_NOT = """
import pysampler
for use in {uses}:
    try:
        eval(f"pysampler.{{use}}")
    except RuntimeError as error:
        print(use, error, sep=": ")
"""


@pytest.mark.parametrize(("wanted", "first"), [("sse9", 0), ("AVX2 ", 1), ("sse9", 2)])
def test_an_unknown_target_fails_every_use_and_names_the_choices(wanted: str, first: int) -> None:
    """Whichever comes first, and all that come after it."""
    uses = USES[first:] + USES[:first]
    result = run(SAY_WHY_NOT.format(uses=uses), environment={VARIABLE: wanted})
    assert result.returncode == 0, result.stderr
    messages = result.stdout.splitlines()
    assert len(messages) == len(uses)
    for use, message in zip(uses, messages, strict=True):
        assert message.startswith(f"{use}: ")
        assert f"{VARIABLE}={wanted}" in message
        for target in pysampler.cpu_targets():
            assert target in message
        assert "pip install" not in message  # the compiled part is there


def test_a_one_call_draw_names_an_unknown_target_too() -> None:
    result = run(
        "import torch, pysampler\npysampler.multinomial(torch.ones(3), 2, True)", environment={VARIABLE: "avx9"}
    )
    assert result.stderr.rstrip().splitlines()[-1].startswith(f"RuntimeError: {VARIABLE}=avx9 is unknown")


def test_an_empty_variable_means_the_best_target() -> None:
    used, best = output_of(LOAD_CORE + "print(core.cpu_target(), core.cpu_targets()[0])", {VARIABLE: ""}).split()
    assert used == best
