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


class Bandwidth:
    version = "1"
    unit = "of a copy's time"
    param_names = ("operation", "dtype", "columns")
    params = (
        ["softmax", "log_softmax", "logsumexp", "softmax_vjp", "softmax_jvp"],
        ["float32", "float16", "float64"],
        [100, 4096, 131072],
    )
    numbers = 1 << 26
    rounds = 30
    pretty_name = "on a GPU: time over that of a copy of as many bytes"

    def setup(self, operation: str, dtype: str, columns: int) -> None:
        why = missing()
        if why:
            raise NotImplementedError(why)

    def track_time(self, operation: str, dtype: str, columns: int) -> float:
        from gpu import bandwidths

        found = bandwidths(operation, dtype, [columns], self.numbers, self.rounds)
        return found["copy"][0] / found["softkern"][0]
