"""The compiled GPU part, if it was built. Addresses are those of contiguous memory of ``device``.

``stream`` is a ``torch.cuda.Stream.cuda_stream``. Everything is queued there; nothing waits but ``build_table``,
``mark``, ``count_bits`` and ``dynamic_update``, once each, for what they have to report.
"""

from typing import type_check_only

# pybind11 makes its classes by a metaclass of its own.
@type_check_only
class _Bound(type): ...

def problem() -> str | None: ...
def versions() -> tuple[int, int, int]: ...
def prepare(device: int) -> None: ...
def draw_into(
    table: int,
    items: int,
    out: int,
    is_int32: bool,
    count: int,
    seed: int,
    epoch: int,
    start: int,
    step: int,
    device: int,
    stream: int,
) -> None: ...
def draw_from_state(
    table: int,
    items: int,
    out: int,
    is_int32: bool,
    count: int,
    state: int,
    step: int,
    device: int,
    stream: int,
) -> None: ...
def build_scratch_bytes(items: int) -> int: ...
def build_table(
    weights: int, items: int, is_float64: bool, table: int, scratch: int, device: int, stream: int
) -> None: ...
def mark(
    indices: int,
    count: int,
    is_int64: bool,
    words: int,
    counts: int,
    items: int,
    scratch: int,
    device: int,
    stream: int,
) -> None: ...
def count_bits(bitmap: int, other: int, words: int, scratch: int, device: int, stream: int) -> int: ...

class Rows(metaclass=_Bound):
    def __init__(self, weights: int, rows: int, columns: int, is_float64: bool, way: str) -> None: ...
    @property
    def table_entries(self) -> int: ...
    @property
    def scratch_bytes(self) -> int: ...
    def use(self, tables: int, scratch: int) -> None: ...
    def check(self, is_matrix: bool, device: int, stream: int) -> tuple[int, str]: ...
    def prepare(self, device: int, stream: int) -> None: ...
    def draw_into(self, out: int, draws: int, seed: int, state: int, device: int, stream: int) -> None: ...
    def race_into(self, keys: int, seed: int, state: int, device: int, stream: int) -> None: ...

def advance_state(state: int, by: int, device: int, stream: int) -> None: ...
def softmax_into(
    out: int, logits: int, rows: int, columns: int, is_float64: bool, device: int, stream: int
) -> None: ...
def dynamic_scratch_bytes(count: int, is_float64: bool) -> int: ...

# "done", "refused" or "new scale"; then items, total, positive, scale and the two halves of the fingerprint's sum
def dynamic_update(
    table: int,
    claims: int,
    indices: int,
    first: int,
    weights: int,
    is_float64: bool,
    count: int,
    items: int,
    scratch: int,
    device: int,
    stream: int,
) -> tuple[str, int, int, int, int, int, int]: ...
def dynamic_draw(
    table: int,
    held: int,
    out: int,
    is_int32: bool,
    count: int,
    seed: int,
    epoch: int,
    start: int,
    step: int,
    strata: int,
    state: int,
    device: int,
    stream: int,
) -> None: ...
def dynamic_masses(
    table: int, weights: int, is_float64: bool, count: int, out: int, device: int, stream: int
) -> None: ...
