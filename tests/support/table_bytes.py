"""Table files taken apart and put together by hand, from the description of their format."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any


def parts(path: Path) -> tuple[dict[str, Any], bytes]:
    """A file's header and data, read by hand."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def assemble(header: str | bytes | dict[str, Any], data: bytes) -> bytes:
    """A file of any header and data."""
    text = json.dumps(header) if isinstance(header, dict) else header
    encoded = text.encode() if isinstance(text, str) else text
    encoded += b" " * (-(8 + len(encoded)) % 64)
    return struct.pack("<Q", len(encoded)) + encoded + data
