"""The share of a copy's speed that kernels reach on a GPU, where there is one."""

from importlib.util import find_spec


def missing() -> str | None:
    """Why nothing can be run here."""
    if find_spec("cupy") is None:
        return "CuPy is not installed: pip install softkern[cuda12], or softkern[cuda13]"
    import cupy

    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return f"CuPy finds no GPU: {error}"
    return None


NUMBERS, ROUNDS = 1 << 26, 30


def setup(operation: str, dtype: str, columns: int) -> None:
    why = missing()
    if why:
        raise NotImplementedError(why)


def track_bandwidth(operation: str, dtype: str, columns: int) -> float:
    from gpu import bandwidths

    found = bandwidths(operation, dtype, [columns], NUMBERS, ROUNDS)
    return found["copy"][0] / found["softkern"][0]


track_bandwidth.pretty_name = "on a GPU: time over that of a copy of as many bytes"
track_bandwidth.version = "1"
track_bandwidth.unit = "of a copy's time"
track_bandwidth.param_names = "operation", "dtype", "columns"
track_bandwidth.params = (
    ["softmax", "log_softmax", "logsumexp", "softmax_vjp", "softmax_jvp"],
    ["float32", "float16", "float64"],
    [100, 4096, 131072],
)
