"""The cases that are timed, and what each library calls them."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    operation: str
    dtype: str
    shape: tuple[int, ...]
    axis: int = -1

    @property
    def label(self) -> str:
        axis = "" if self.axis == -1 else f" axis {self.axis}"
        return f"{self.operation} {self.dtype} {self.shape}{axis}"


SHAPES = ((64, 10), (128, 1000), (4096, 1000), (32768, 128), (64, 32000), (10**6, 10), (1, 10**7))

CASES = [
    *(Case("softmax", dtype, shape) for dtype in ("float32", "float64") for shape in SHAPES),
    *(Case("logsumexp", dtype, shape) for dtype in ("float32", "float64") for shape in SHAPES),
    *(Case("log_softmax", dtype, (4096, 1000)) for dtype in ("float32", "float64")),
    *(Case("softmax_vjp", dtype, (4096, 1000)) for dtype in ("float32", "float64")),
    Case("softmax", "float32", (1000, 4096), 0),
    Case("softmax", "float64", (8,)),
]


def call_of(library: str, case: Case) -> Callable[[], Any]:
    """The call that is timed: results go to an array allocated before, but for SciPy's."""
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, *case.shape)).astype(case.dtype)
    return globals()[f"_{library}"](case, x, g)


def _softkern(case: Case, x: Any, g: Any) -> Callable[[], Any]:
    import softkern

    operation = getattr(softkern, case.operation)
    if x.size < 1000:
        return lambda: operation(x, -1)
    if case.operation == "softmax_vjp":
        y, dx = softkern.softmax(x, case.axis), np.empty_like(x)
        return lambda: operation(None, g, case.axis, output=y, out=dx)
    out = np.empty_like(operation(x, case.axis))
    return lambda: operation(x, case.axis, out=out)


def _torch(case: Case, x: Any, g: Any) -> Callable[[], Any]:
    import torch

    torch.set_num_threads(2)
    x, g = torch.from_numpy(x), torch.from_numpy(g)
    if case.operation == "softmax_vjp":
        y, dx = torch.softmax(x, case.axis), torch.empty_like(x)
        backward = torch._softmax_backward_data
        return lambda: backward(g, y, case.axis, x.dtype, grad_input=dx)
    operation = getattr(torch, case.operation)
    if x.numel() < 1000:
        return lambda: operation(x, -1)
    out = torch.empty_like(operation(x, case.axis))
    return lambda: operation(x, case.axis, out=out)


def _scipy(case: Case, x: Any, g: Any) -> Callable[[], Any]:
    from scipy import special

    operation = getattr(special, case.operation)
    return lambda: operation(x, axis=case.axis)


def _copy(case: Case, x: Any, g: Any) -> Callable[[], Any]:
    out = np.empty_like(x)
    return lambda: np.copyto(out, x)


def seconds(call: Callable[[], Any], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def serve(library: str) -> None:
    """Time what standard input asks for: a case makes the call ready, a number is of repeats."""
    call: Callable[[], Any] = lambda: None
    for line in sys.stdin:
        request = json.loads(line)
        if isinstance(request, int):
            seconds(call, max(1, request // 4))  # for what went to sleep since the last turn
            print(seconds(call, request), flush=True)
        else:
            operation, dtype, shape, axis = request
            call = call_of(library, Case(operation, dtype, tuple(shape), axis))
            call()
            print(min(seconds(call, 1) for _ in range(5)), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
