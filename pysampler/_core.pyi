"""The compiled part. Addresses are those of contiguous native memory that lives through the call."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer, Self

def cpu_target() -> str: ...
def cpu_targets() -> list[str]: ...

class Table:
    @staticmethod
    def build(weights: int, items: int, is_float64: bool, threads: int) -> Table: ...
    @staticmethod
    def over(buffer: Buffer, check: bool, threads: int) -> Table: ...
    @property
    def address(self) -> int: ...
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def draw_into(
        self,
        out: int,
        count: int,
        seed: int,
        epoch: int,
        start: int,
        step: int,
        threads: int,
        evaluation: str = "auto",
    ) -> str: ...
    def masses_into(self, out: int) -> None: ...
    def fingerprint(self, threads: int) -> tuple[int, int]: ...

class PassDraws:
    def draw_into(self, out: int, count: int, start: int, step: int) -> None: ...

class StreamDraws(PassDraws):
    def __init__(self, table: Table, seed: int, epoch: int) -> None: ...

class ShuffledDraws(PassDraws):
    def __init__(self, items: int, seed: int, epoch: int) -> None: ...

class BufferDraws(PassDraws):
    def __init__(self, buffer: NDArray[np.int64], padding: PassDraws) -> None: ...

class PositionSource:
    def __init__(self, pass_draws: PassDraws, start: int, step: int, count: int, draws: int) -> None: ...

class IndexIterator(Iterator[int]):
    def __new__(cls, begin: Callable[[], PositionSource]) -> Self: ...
    def __next__(self) -> int: ...
    @property
    def handed_out(self) -> int: ...

class BatchIterator(Iterator[list[int]]):
    def __new__(cls, begin: Callable[[], PositionSource], batch_size: int, drop_last: bool) -> Self: ...
    def __next__(self) -> list[int]: ...
    @property
    def handed_out(self) -> int: ...

def positive_weights(weights: int, count: int, is_float64: bool, threads: int) -> int: ...
def draw_without_replacement_into(
    out: int,
    count: int,
    weights: int,
    items: int,
    is_float64: bool,
    table: Table | None,
    seed: int,
    epoch: int,
    threads: int,
) -> None: ...
def multinomial_into(
    out: int,
    weights: int,
    rows: int,
    columns: int,
    is_float64: bool,
    is_matrix: bool,
    draws: int,
    replacement: bool,
    take_key: Callable[[], int],
    threads: int,
) -> None: ...
