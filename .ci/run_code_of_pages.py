"""Runs the Python blocks of Markdown files in order: those of a file in one namespace, in a process of its own."""

import re
import subprocess
import sys
from pathlib import Path


def run_page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    namespace: dict[str, object] = {"__name__": "page"}
    for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text[: block.start(1)].count("\n")
        code = compile("\n" * line + block[1], str(path), "exec")
        exec(code, namespace)
        print(f"{path}:{line + 1} ran", flush=True)


def main(pages: list[str]) -> None:
    with_code = [page for page in pages if "```python\n" in Path(page).read_text(encoding="utf-8")]
    if not with_code:
        sys.exit(f"no Python blocks in {', '.join(pages)}")
    for page in with_code:
        if subprocess.run([sys.executable, __file__, "--page", page], check=False).returncode:
            sys.exit(f"{page} has a block that fails")


if __name__ == "__main__":
    if sys.argv[1] == "--page":
        run_page(Path(sys.argv[2]))
    else:
        main(sys.argv[1:])
