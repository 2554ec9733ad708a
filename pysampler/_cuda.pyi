"""The compiled GPU part, if it was built. Addresses are those of contiguous memory of ``device``.

``stream`` is a ``torch.cuda.Stream.cuda_stream``. Everything is queued there; nothing waits.
"""

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
