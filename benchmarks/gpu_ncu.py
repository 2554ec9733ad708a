"""What a profiler is to look at: a build and draws, odd and even aligned, of a small, a middling and a large table.

ncu --set detailed python -m benchmarks.gpu_ncu
"""

from __future__ import annotations

import torch

from pysampler import AliasTable

ITEMS = (10**3, 10**6, 10**8)
DRAWS = 1 << 26


def main() -> None:
    """Each kernel once for each table: profilers repeat what they look at."""
    out = torch.empty(DRAWS, dtype=torch.int64, device="cuda")
    for items in ITEMS:
        table = AliasTable(torch.rand(items, device="cuda"))
        for start in (0, 1):
            table.draw(DRAWS, seed=1, start=start, out=out)
    torch.cuda.synchronize()
    print(f"profiled N = {', '.join(map(str, ITEMS))}")


if __name__ == "__main__":
    main()
