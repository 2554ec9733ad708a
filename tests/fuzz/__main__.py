"""python -m tests.fuzz."""

import sys
from pathlib import Path

_here = Path(__file__).parent
sys.path[:0] = [str(_here.parents[1]), str(_here.parent / "support"), str(_here)]

import fuzz_command  # noqa: E402

sys.exit(fuzz_command.main())
