"""Runs fuzzed lives: some calls each. Each is made of (seed, name, number) alone, so that any of them can be made again by itself."""

from __future__ import annotations

import collections
import contextlib
import faulthandler
import os
import re
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence

from fuzz_chance import CALLS, Chance, Refused
from fuzz_count import EVERY, Entries

Operation = Callable[[Chance], None]
PATIENCE_SECONDS = 1800  # for some lives: on a loaded machine too, it is a hang then
SELDOM = 8  # of so many rounds, slow operations are in one
BROKEN = 3  # exit status: calls broke the law


class Failure(AssertionError):
    """A call that broke the law."""


def one_call(operation: Operation, seed: int, number: int) -> bool:
    """Makes a call. Returns whether it was accepted; raises Failure if it broke the law."""
    chance = Chance(f"{seed}:{operation.__name__}:{number}")
    try:
        operation(chance)
    except Refused:
        return False
    except Exception as error:
        raise Failure(
            f"python -m tests.fuzz --seed {seed} --only {operation.__name__} --first {number} --lives 1\n"
            + "".join(traceback.format_exception(error)[-12:])
        ) from None
    return True


class Campaign:
    """Many calls of some operations, in turn.

    Args:
        operations: What to call.
        seed: Of all choices.
        journal: A file that always holds the call being made, for when the process dies of it.
        slow: Those of the operations that only one round in eight has.
    """

    def __init__(
        self,
        operations: Sequence[Operation],
        seed: int,
        journal: str | None = None,
        slow: Sequence[Operation] = (),
    ) -> None:
        self.operations = operations
        self.seed = seed
        self.entries: dict[str, Entries] = {operation.__name__: Entries() for operation in operations}
        self._slow = frozenset(slow)
        self.accepted: collections.Counter[str] = collections.Counter()
        self.made: collections.Counter[str] = collections.Counter()
        self.failures: dict[str, list[str]] = {}
        self._journal = None if journal is None else os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def run(
        self, first: int, lives: int, stop_after: int | None = None, told: Callable[[str], None] | None = None
    ) -> None:
        """Makes lives number ``first`` to ``first + lives - 1`` of every operation; see ``failures``.

        ``told`` is given the counts every minute.
        """
        looked, spoken = 0.0, time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for number in range(first, first + lives):
                for operation in self.operations:
                    if self._enough(operation, stop_after) or (operation in self._slow and number % SELDOM):
                        continue
                    self._one(operation, number)
                now = time.monotonic()
                if now - looked > 1:
                    faulthandler.dump_traceback_later(PATIENCE_SECONDS, exit=True)
                    looked = now
                if told is not None and now - spoken > 60:
                    told(self.counts())
                    spoken = now
        faulthandler.cancel_dump_traceback_later()

    def _enough(self, operation: Operation, stop_after: int | None) -> bool:
        return stop_after is not None and len(self.failures.get(operation.__name__, ())) >= stop_after

    def _one(self, operation: Operation, number: int) -> None:
        name = operation.__name__
        if self._journal is not None:
            os.pwrite(self._journal, f"--seed {self.seed} --only {name} --first {number:<12}\n".encode(), 0)
        self.made[name] += 1
        counting = self.entries[name].counted() if self.made[name] % EVERY == 1 else contextlib.nullcontext()
        try:
            with counting:
                self.accepted[name] += one_call(operation, self.seed, number)
        except Failure as failure:
            known = self.failures.setdefault(name, [])
            known.append(str(failure))
            if self._journal is not None and len(known) <= 3:  # at once, for the process may be ended
                print(failure, file=sys.stderr, flush=True)

    def counts(self) -> str:
        """Says how much was called: lives and fuzzed calls as counted, all calls as measured in some of the lives."""
        lives, broken = sum(self.made.values()), sum(len(texts) for texts in self.failures.values())
        calls = sum(self.entries[name].of(made) for name, made in self.made.items())
        return (
            f"{lives} lives, {CALLS['attempted']} fuzzed calls, about {calls} calls into pysampler in all "
            f"(one life in {EVERY} was looked at), {broken} broke the law"
        )

    def report(self) -> str:
        """Says what was called how often, and what broke the law."""
        lines = [
            f"{name:>24} {made:>9} lives, {self.accepted[name]:>9} accepted, "
            f"{self.entries[name].of(made):>10} calls, {len(self.failures.get(name, ())):>4} broke the law"
            for name, made in self.made.items()
        ]
        kinds: dict[str, list[str]] = {}
        for text in (text for each in self.failures.values() for text in each):
            kinds.setdefault(re.sub(r"[0-9.e+-]+", "#", text.rstrip().rsplit("\n", 1)[-1])[:120], []).append(text)
        broken = [f"\n{len(texts)} times:\n{texts[0]}" for texts in kinds.values()]
        return "\n".join([*lines, self.counts(), *broken])


def supervised(arguments: list[str], journal: str) -> int:
    """Runs the command in a child and, should that die, says of which call."""
    import subprocess  # noqa: PLC0415

    folder = os.path.dirname(os.path.abspath(__file__))
    code = f"import sys; sys.path[:0] = {sys.path[:3]!r} + [{folder!r}]; import fuzz_command; fuzz_command.in_child()"
    status = subprocess.call([sys.executable, "-X", "faulthandler", "-c", code, *arguments, "--journal", journal])
    if status not in (0, BROKEN):
        with open(journal) as file:
            print(f"died with status {status} of: python -m tests.fuzz {file.readline().strip()} --lives 1")
    return status


def timed(run: Callable[[], None]) -> float:
    began = time.monotonic()
    run()
    return time.monotonic() - began


def journal_file() -> str:
    return os.path.join(tempfile.gettempdir(), f"pysampler-fuzz-{os.getpid()}")
