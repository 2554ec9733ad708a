"""Whether the pysampler that is installed works, without torch: its compiled part draws what it has always drawn.

Run where a wheel has been installed and no other pysampler is in reach: by .ci/wheel, and by cibuildwheel.
"""

import array
import importlib.metadata
import importlib.util
import sys
from pathlib import Path

package = Path(str(importlib.metadata.distribution("pysampler").locate_file("pysampler")))
modules = [path for path in package.glob("_core.*") if path.suffix in (".so", ".pyd")]
assert len(modules) == 1, f"{package} must have one compiled part, but has {modules}"
spec = importlib.util.spec_from_file_location("pysampler._core", modules[0])
assert spec is not None
assert spec.loader is not None
core = importlib.util.module_from_spec(spec)
spec.loader.exec_module(core)

weights = array.array("d", [1, 0, 3, 6])
table = core.Table.build(weights.buffer_info()[0], len(weights), is_float64=True, threads=1)
draws = array.array("q", bytes(8 * 20))
table.draw_into(draws.buffer_info()[0], len(draws), seed=7, epoch=3, start=0, step=1, threads=1)
expected = [2, 3, 3, 2, 2, 3, 3, 2, 2, 2, 3, 0, 2, 3, 2, 3, 3, 0, 2, 3]
assert draws.tolist() == expected, f"{draws.tolist()} instead of {expected}"
print(f"{modules[0].name} draws as it should on {core.cpu_target()}, in Python {sys.version.split()[0]}")
