"""The memory of tensors: where it is, for C++, or why there is none."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray


def address_of(tensor: torch.Tensor, name: str = "the tensor") -> int:
    """Returns the address of a contiguous tensor's first entry: of memory that holds all of its entries.

    Every address of a tensor that goes to C++ comes from here, or is asked for there in the same way
    (csrc/python/small_multinomial.cpp). Many tensors look like others and have no memory: those
    of a DTensor are on the ranks, those of FakeTensorMode were never filled, and for both ``data_ptr()`` is 0.

    Args:
        tensor: Contiguous, on the CPU or a GPU.
        name: What errors call it.

    Cost: 0.3 us.

    Raises:
        TypeError: There is no memory, less than the tensor needs, or not aligned; says what to pass instead.
    """
    try:
        address = address_if_held(tensor)
        aligned = address != 0 or is_aligned(tensor)
    except (RuntimeError, NotImplementedError):  # inside vmap and grad
        address, aligned = 0, True
    if not address and tensor.numel():
        if not aligned:
            size = tensor.element_size()
            raise TypeError(f"{name} must begin at a multiple of {size} bytes in memory: pass .clone()")
        raise TypeError(_without_memory(tensor, name))
    return address


def address_if_held(tensor: torch.Tensor) -> int:
    """The same without an error of our own: 0 if there is not the memory that all entries need, or not aligned."""
    address, size = tensor.data_ptr(), tensor.element_size()
    if (
        address
        and address % size == 0
        and tensor.untyped_storage().nbytes() >= (tensor.storage_offset() + tensor.numel()) * size
    ):
        return address
    return 0


def is_aligned(tensor: torch.Tensor) -> bool:
    """Whether a tensor's memory begins where numbers of its dtype may; that of ``torch.frombuffer`` need not."""
    return tensor.data_ptr() % tensor.element_size() == 0


def address_of_output(output: torch.Tensor) -> int:
    """Returns the address of what ``output_for`` returned, which has made sure of the memory: a fifth of the cost."""
    return output.data_ptr()


def check_memory(tensor: torch.Tensor, name: str) -> None:
    """Raises TypeError unless the values of a strided tensor can be read, or there are none."""
    try:
        if tensor.numel() == 0 and not _is_stand_in(tensor):
            return
        storage = tensor.untyped_storage()
        last = tensor.storage_offset() + sum(
            (n - 1) * step for n, step in zip(tensor.shape, tensor.stride(), strict=True)
        )
        if storage.data_ptr() and storage.nbytes() >= (last + 1) * tensor.element_size():
            return
    except (RuntimeError, NotImplementedError, ValueError):  # ValueError: a lazy module's parameter
        pass
    raise TypeError(_without_memory(tensor, name))


def as_array(tensor: torch.Tensor, name: str) -> NDArray[Any]:
    """Returns a tensor's values as a NumPy array, which may share its memory.

    Whatever NumPy has no dtype for, bfloat16 and the floats of 8 bits, becomes float32, which holds it exactly.
    Gradients are left behind; tensors on a GPU are copied.

    Raises:
        TypeError: A sparse, nested, quantized or meta tensor, or one without memory of its own, such as a DTensor.
    """
    check_dense(tensor, name)
    values = tensor.detach().cpu().resolve_conj().resolve_neg()
    if values.dtype == torch.bfloat16 or (values.is_floating_point() and values.element_size() == 1):
        values = values.float()
    try:
        array: NDArray[Any] = values.numpy()
    except (RuntimeError, TypeError) as error:
        raise TypeError(f"{name} must be a tensor that NumPy can read: {error}") from None
    return array


def without_tensors(values: Any, name: str) -> Any:
    """Returns ``values`` as NumPy takes them: tensors, or a list or tuple of some, as arrays.

    NumPy takes none that requires grad, is bfloat16 or lies on a GPU. Raises TypeError as ``as_array``.
    """
    if isinstance(values, torch.Tensor):
        return as_array(values, name)
    if isinstance(values, list | tuple) and any(isinstance(value, torch.Tensor) for value in values):
        return [as_array(value, name) if isinstance(value, torch.Tensor) else value for value in values]
    return values


def check_dense(tensor: torch.Tensor, name: str) -> None:
    """Raises TypeError unless ``tensor`` is strided and holds data."""
    if tensor.is_nested:
        raise TypeError(f"{name} must be a dense tensor, but got a nested one")
    if tensor.layout != torch.strided:
        raise TypeError(f"{name} must be a dense tensor, but its layout is {tensor.layout}; call .to_dense()")
    if tensor.device.type == "meta":
        raise TypeError(f"{name} must hold data, but is on the meta device")
    if tensor.is_quantized:
        raise TypeError(f"{name} must be plain numbers, but its dtype is {tensor.dtype}; call .dequantize()")
    check_memory(tensor, name)


def _is_stand_in(tensor: torch.Tensor) -> bool:
    """Whether other code answers for it, as for FakeTensors and DTensors: NumPy cannot read such, be they empty."""
    dispatch = getattr(type(tensor), "__torch_dispatch__", None)
    return dispatch is not torch.Tensor.__torch_dispatch__ or torch._is_functional_tensor(tensor)


def _without_memory(tensor: torch.Tensor, name: str) -> str:
    kind = type(tensor).__name__
    if hasattr(tensor, "full_tensor") and hasattr(tensor, "to_local"):
        return (
            f"{name} must be a tensor with memory of its own, but got a {kind}, whose entries are spread over ranks; "
            "pass .to_local(), the part of this rank, or .full_tensor()"
        )
    if kind == "FakeTensor":
        return f"{name} must hold data, but got a FakeTensor: leave FakeTensorMode before"
    if torch._is_functional_tensor(tensor) or kind == "FunctionalTensor":
        return f"{name} must hold data, but got a tensor that is being traced (functionalised): pass a real one"
    if type(tensor) is torch.Tensor and torch._is_zerotensor(tensor):
        return f"{name} must have memory, but got one of torch's tensors of zeros without any; pass .clone()"
    if torch.nn.parameter.is_lazy(tensor):
        return f"{name} must hold data, but got the {kind} of a lazy module: run the module once before"
    plain = type(tensor) in (torch.Tensor, torch.nn.Parameter)
    what = "one whose memory was freed, or that vmap or grad is looking at" if plain else f"a {kind}"
    way_out = "" if plain else ": pass the plain tensor inside of it"
    return f"{name} must be a tensor with memory of its own, but got {what}{way_out}"
