"""Progress bars, for those who ask for one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(total: int, description: str, unit: str, shown: bool) -> Iterator[Callable[[int], object]]:
    """Gives a function that notes how many further units are done. Shows a bar on stderr if ``shown``.

    Raises:
        ImportError: ``shown`` without tqdm.
    """
    if not shown:
        yield lambda count: None
        return
    try:
        from tqdm.auto import tqdm  # noqa: PLC0415
    except ImportError as error:
        raise ImportError("progress=True needs tqdm: pip install tqdm") from error
    with tqdm(total=total, desc=description, unit=unit, unit_scale=total >= 10**6) as bar:
        yield bar.update
