"""What arrays do by calling NumPy: operators, indices, and the methods that compute."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .arrays import device_dtype, ndarray, to_device
from .calls import call
from .devices import not_while_capturing

Method = Callable[..., Any]

UNARY = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}
COMPARISONS = {
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
ARITHMETIC = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
}
METHODS = (
    *("sum", "prod", "max", "min", "argmax", "argmin", "mean", "var", "std", "all", "any"),
    *("cumsum", "cumprod", "clip", "round", "take", "repeat", "squeeze", "swapaxes", "conj"),
    *("conjugate", "nonzero", "argsort", "dot", "diagonal", "trace", "compress", "choose"),
    *("searchsorted", "transpose"),
)
PROPERTIES = ("T", "mT", "real", "imag")
OPERANDS = (ndarray, np.ndarray, np.generic, bool, int, float, complex)


def array_ufunc(self: ndarray, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
    """NumPy's functions on an array of the stand-in, and NumPy's numbers on its left."""
    if isinstance(out := kwargs.get("out"), tuple) and len(out) == 1:
        kwargs["out"] = out[0]
    return call(getattr(ufunc, method), *args, **kwargs)


def array_function(self: ndarray, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    return call(function, *args, **kwargs)


def get_item(self: ndarray, index: Any) -> Any:
    return call(_item, self, index)


def set_item(self: ndarray, index: Any, value: Any) -> None:
    not_while_capturing("an operation on arrays")
    call(_set_item, self, index, value)


def iterate(self: ndarray) -> Iterator[Any]:
    return (get_item(self, k) for k in range(len(self)))


def view(self: ndarray, dtype: Any = None) -> ndarray:
    return self.view_of(self.host.view(self.dtype if dtype is None else device_dtype(dtype)))


def reshape(self: ndarray, *shape: Any, order: Any = "C") -> Any:
    return call(np.reshape, self, shape[0] if len(shape) == 1 else shape, order=order)


def ravel(self: ndarray, order: Any = "C") -> Any:
    return reshape(self, -1, order=order)


def flatten(self: ndarray, order: Any = "C") -> ndarray:
    return to_device(self.host.flatten(order))


def astype(
    self: ndarray,
    dtype: Any,
    order: Any = "K",
    casting: Any = None,
    subok: Any = None,
    copy: bool = True,
) -> Any:
    kind = device_dtype(dtype)
    if not copy and kind == self.dtype:
        return self
    return call(np.ndarray.astype, self, kind, order=order)


def copy(self: ndarray, order: Any = "C") -> ndarray:
    return to_device(self.host, order)


def fill(self: ndarray, value: Any) -> None:
    set_item(self, ..., value)


def sort(self: ndarray, axis: int = -1) -> None:
    not_while_capturing("an operation on arrays")
    self.host.sort(axis=axis)


def _item(array: npt.NDArray[Any], index: Any) -> Any:
    item = array[index]
    if isinstance(item, np.ndarray):
        return item
    # A view of one number, not the number.
    return array[(*(index if isinstance(index, tuple) else (index,)), ...)]


def _set_item(array: npt.NDArray[Any], index: Any, value: Any) -> None:
    array[index] = value


def _unary(function: Any) -> Method:
    return lambda self: call(function, self)


def _binary(function: Any) -> Method:
    return lambda self, other: (
        call(function, self, other) if isinstance(other, OPERANDS) else NotImplemented
    )


def _reflected(function: Any) -> Method:
    return lambda self, other: (
        call(function, other, self) if isinstance(other, OPERANDS) else NotImplemented
    )


def _in_place(function: Any) -> Method:
    return lambda self, other: call(function, self, other, out=self)


def _method(name: str) -> Method:
    function = getattr(np.ndarray, name)
    return lambda self, *args, **kwargs: call(function, self, *args, **kwargs)


def _property(name: str) -> property:
    return property(lambda self: call(lambda array: getattr(array, name), self))


def _members() -> dict[str, Any]:
    members: dict[str, Any] = {
        "__array_ufunc__": array_ufunc,
        "__array_function__": array_function,
        "__getitem__": get_item,
        "__setitem__": set_item,
        "__iter__": iterate,
        "__hash__": None,
    }
    for function in (view, reshape, ravel, flatten, astype, copy, fill, sort):
        members[function.__name__] = function
    members |= {name: _method(name) for name in METHODS}
    members |= {name: _property(name) for name in PROPERTIES}
    members |= {f"__{name}__": _unary(function) for name, function in UNARY.items()}
    members |= {
        f"__{name}__": _binary(function) for name, function in (COMPARISONS | ARITHMETIC).items()
    }
    members |= {f"__r{name}__": _reflected(function) for name, function in ARITHMETIC.items()}
    members |= {f"__i{name}__": _in_place(function) for name, function in ARITHMETIC.items()}
    return members


def attach() -> None:
    """Give `ndarray` all of these."""
    for name, member in _members().items():
        setattr(ndarray, name, member)
