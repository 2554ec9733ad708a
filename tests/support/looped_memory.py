"""Long tensors that take little memory: the same physical pages again and again, for calls that would last minutes."""

from __future__ import annotations

import ctypes
import mmap
import os

import torch

_PIECE_BYTES = 1 << 25
_MAP_FIXED = 0x10
_MAP_NORESERVE = 0x4000


def looped_tensor(entries: int, dtype: torch.dtype, fill: float = 0) -> torch.Tensor:
    """A 1-d tensor of ``entries``, rounded down to whole 32 MiB, that takes 32 MiB. Never unmapped. Linux only."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]

    def map_at(address: int | None, size: int, protection: int, flags: int, file: int) -> int:
        mapped = libc.mmap(address, size, protection, flags, file, 0)
        if mapped == ctypes.c_void_p(-1).value:
            raise OSError(ctypes.get_errno(), "mmap")
        return int(mapped)

    pieces = entries * dtype.itemsize // _PIECE_BYTES
    file = os.memfd_create("looped")
    os.truncate(file, _PIECE_BYTES)
    reserved = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE
    start = map_at(None, pieces * _PIECE_BYTES, mmap.PROT_READ, reserved, -1)
    for piece in range(pieces):
        address = start + piece * _PIECE_BYTES
        map_at(address, _PIECE_BYTES, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED | _MAP_FIXED, file)
    os.close(file)
    memory = (ctypes.c_byte * (pieces * _PIECE_BYTES)).from_address(start)
    tensor = torch.frombuffer(memory, dtype=dtype)
    tensor[: _PIECE_BYTES // dtype.itemsize] = fill
    return tensor
