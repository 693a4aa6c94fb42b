"""The operations on one row as functions that C can call."""

from typing import Any, Literal


def c_function(
    name: Literal["softmax", "log_softmax", "logsumexp"],
    dtype: Literal["float32", "float64"] = "float64",
) -> Any:
    r"""An operation on a contiguous row as a pointer to a C function.

    .. math:: f(x, n, y, t): \quad y = \mathrm{softmax}(x / t), \; \log \mathrm{softmax}(x / t)
       \; \text{or} \; t \log \sum_j \exp(x_j / t)

    Parameters
    ----------
    name : {"softmax", "log_softmax", "logsumexp"}
        The operation.
    dtype : {"float64", "float32"}, optional
        The numbers of x and y, double or float.

    Returns
    -------
    ctypes function
        It has the C type ``int (*)(T *x, intptr_t n, T *y, void *temperature)``, with T double or
        float. `y` is given n numbers, or one by logsumexp, and may be `x`; `temperature` points to a
        double from 1e-30 to 1e30, or is NULL for 1. It returns 1, or 0 if the temperature is none
        of these. This type will not change.

    Raises
    ------
    ValueError
        If there is no such operation or dtype.

    See Also
    --------
    softmax, log_softmax, logsumexp : The operations, whose bits these are.

    Notes
    -----
    That is the type of SciPy's callbacks for `scipy.ndimage.generic_filter`. The function needs
    neither the GIL nor, up to 2048 numbers, memory beyond 20 KB of stack; it may be called from any
    thread, and keeps to it. It lives as long as the process. The first request of each is compiled;
    later ones come from the cache on disk [1]_.

    References
    ----------
    .. [1] S. K. Lam, A. Pitrou, S. Seibert, "Numba: a LLVM-based Python JIT compiler", LLVM-HPC,
       2015, :doi:`10.1145/2833157.2833162`.

    Examples
    --------
    >>> import ctypes
    >>> import softkern
    >>> logsumexp = softkern.c_function("logsumexp")
    >>> row, result = (ctypes.c_double * 3)(1000.0, 1000.0, 1000.0), ctypes.c_double()
    >>> logsumexp(row, 3, result, None), round(result.value, 4)
    (1, 1001.0986)
    """
    import ctypes

    from numba import types

    from .backends.numba_cpu.c_functions import FUNCTIONS, c_function

    kinds = {
        "float64": (types.float64, ctypes.c_double),
        "float32": (types.float32, ctypes.c_float),
    }
    if name not in FUNCTIONS or str(dtype) not in kinds:
        raise ValueError(
            f"there is {', '.join(FUNCTIONS)} in {' and '.join(kinds)}, not {name} in {dtype}"
        )
    storage, number = kinds[str(dtype)]
    numbers = ctypes.POINTER(number)
    prototype = ctypes.CFUNCTYPE(ctypes.c_int, numbers, ctypes.c_ssize_t, numbers, ctypes.c_void_p)
    return prototype(c_function(name, storage).address)
