"""cupy.ndarray: a NumPy array in guarded memory, which NumPy itself cannot read."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from .devices import Device, not_while_capturing
from .memory import MemoryPointer, alloc

SUPPORTED_KINDS = "biufc"


class ndarray:
    """As cupy.ndarray; its operators, and all methods that compute, are in `operators`."""

    __array_priority__ = 100

    def __init__(
        self,
        shape: int | Sequence[int],
        dtype: Any = float,
        memptr: MemoryPointer | None = None,
        strides: Sequence[int] | None = None,
        order: Any = "C",
    ) -> None:
        kind = device_dtype(dtype)
        lengths = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        pointer = memptr or alloc(int(np.prod(lengths, dtype=np.int64)) * kind.itemsize)
        memory = pointer.mem
        offset = memory.offset + pointer.ptr - memory.ptr
        self._memory = memory
        self._array: npt.NDArray[Any] = np.ndarray(
            lengths, kind, memory.raw, offset, strides, order
        )
        self.base: ndarray | None = None

    def view_of(self, array: npt.NDArray[Any]) -> "ndarray":
        """Another array in the same memory."""
        view = ndarray.__new__(ndarray)
        view._array, view._memory = array, self._memory
        view.base = self if self.base is None else self.base
        return view

    @property
    def host(self) -> npt.NDArray[Any]:
        """The array as NumPy's, for the stand-in alone: CuPy has no such thing."""
        return self._array

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def dtype(self) -> "np.dtype[Any]":
        return self._array.dtype

    @property
    def ndim(self) -> int:
        return self._array.ndim

    @property
    def size(self) -> int:
        return self._array.size

    @property
    def itemsize(self) -> int:
        return self._array.itemsize

    @property
    def nbytes(self) -> int:
        return self._array.nbytes

    @property
    def strides(self) -> tuple[int, ...]:
        return self._array.strides

    @property
    def flags(self) -> Any:
        flags = self._array.flags
        return SimpleNamespace(
            c_contiguous=flags.c_contiguous,
            f_contiguous=flags.f_contiguous,
            forc=flags.forc,
            fnc=flags.fnc,
            owndata=self.base is None,
        )

    @property
    def device(self) -> Device:
        return self._memory.device

    @property
    def data(self) -> MemoryPointer:
        return MemoryPointer(self._memory, self._array.ctypes.data - self._memory.ptr)

    @property
    def span(self) -> tuple[int, int]:
        """The addresses of the first byte and of the one past the last."""
        if not self.size:
            return self.data.ptr, self.data.ptr
        begin, end = np.lib.array_utils.byte_bounds(self._array)
        return begin, end

    def get(
        self,
        stream: Any = None,
        order: Any = "C",
        out: npt.NDArray[Any] | None = None,
        blocking: bool = True,
    ) -> npt.NDArray[Any]:
        not_while_capturing("a copy to the host")
        if out is None:
            return np.array(self._array, order=order)
        out[...] = self._array
        return out

    def set(self, values: npt.NDArray[Any], stream: Any = None) -> None:
        not_while_capturing("a copy from the host")
        self._array[...] = values

    def item(self, *index: Any) -> Any:
        return self.get().item(*index)

    def tolist(self) -> Any:
        return self.get().tolist()

    def tobytes(self) -> bytes:
        return self.get().tobytes()

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __dlpack__(self, **kwargs: Any) -> Any:
        """A capsule that says the memory is the CPU's, as it is."""
        return self._array.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.device.id  # 2: CUDA

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "descr": self.dtype.descr,
            "version": 3,
            "strides": None if self.flags.c_contiguous else self.strides,
            "data": (self.data.ptr, False),
            "stream": 1,
        }

    def __len__(self) -> int:
        return len(self._array)

    def __bool__(self) -> bool:
        return bool(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __float__(self) -> float:
        return float(self.get())

    def __complex__(self) -> complex:
        return complex(self.get())

    def __index__(self) -> int:
        return self.get().__index__()

    def __repr__(self) -> str:
        return repr(self.get())

    def __str__(self) -> str:
        return str(self.get())

    def __format__(self, form: str) -> str:
        return format(self.get(), form)


ndarray.__module__ = "cupy"


def device_dtype(dtype: Any) -> "np.dtype[Any]":
    """The dtype, if a device has it."""
    kind: np.dtype[Any] = np.dtype(dtype)
    largest = 16 if kind.kind == "c" else 8
    if (kind.kind in SUPPORTED_KINDS and kind.itemsize <= largest) or kind.name == "bfloat16":
        return kind
    raise ValueError(f"Unsupported dtype {kind}")


def to_device(array: npt.NDArray[Any], order: Any = "K") -> ndarray:
    """A copy of a NumPy array."""
    as_fortran = order == "F" or (order in ("K", "A") and array.flags.fnc)
    result = ndarray(array.shape, array.dtype, order="F" if as_fortran else "C")
    result.host[...] = array
    return result
