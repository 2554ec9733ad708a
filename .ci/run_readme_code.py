"""Runs the Python blocks of a Markdown file, in order, in one namespace."""

import re
import sys
from pathlib import Path


def main(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    namespace: dict[str, object] = {"__name__": "readme"}
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    for block in blocks:
        line = text[: block.start(1)].count("\n")
        code = compile("\n" * line + block[1], str(path), "exec")
        exec(code, namespace)
        print(f"{path}:{line + 1} ran")
    if not blocks:
        sys.exit(f"{path} has no Python blocks")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
