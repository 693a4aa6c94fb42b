"""The cases that are timed."""

from typing import NamedTuple


class Case(NamedTuple):
    operation: str
    dtype: str
    shape: tuple[int, ...]
    axis: int = -1

    @property
    def numbers(self) -> str:
        """What it works on, in words."""
        axis = "" if self.axis == -1 else f" axis {self.axis}"
        return f"{self.dtype} {self.shape}{axis}"

    @property
    def label(self) -> str:
        return f"{self.operation} {self.numbers}"


FLOATS = ("float32", "float64")
SHAPES = (
    (64, 10),
    (128, 1000),
    (4096, 1000),
    (32768, 128),
    (64, 32000),
    (8, 128256),
    (10**6, 10),
    (1, 10**7),
)

# Samples of all there is, for ``softkern bench --grid``: one row and a million, in cache and beyond.
GRID_SHAPES = (
    ((1, 100), -1),
    ((300, 7), -1),
    ((10**6, 2), -1),
    ((10**6, 10), -1),
    ((20000, 33), -1),
    ((32768, 128), -1),
    ((128, 1000), -1),
    ((4096, 1000), -1),
    ((64, 32000), -1),
    ((8, 128256), -1),
    ((1, 10**6), -1),
    ((1, 10**7), -1),
    ((1000, 10), 0),
    ((1000, 4096), 0),
    ((10, 10**5), 0),
    ((32, 21, 128, 128), 1),
)
GRID_DTYPES = {
    "softmax": ("float32", "float64", "float16", "bfloat16"),
    "log_softmax": ("float32", "float64", "float16", "bfloat16"),
    "logsumexp": FLOATS,
    "softmax_vjp": FLOATS,
    "softmax_jvp": FLOATS,
}

LOSSES = ("cross_entropy", "cross_entropy_value_and_grad")
CLASSES = ((4096, 1000), (1024, 32000), (64, 128256), (10**6, 10))

CASES = (
    Case("softmax", "float64", (8,)),
    *(Case("softmax", dtype, shape) for dtype in FLOATS for shape in SHAPES),
    Case("softmax", "float32", (1000, 10), 0),
    Case("softmax", "float32", (1000, 4096), 0),
    Case("softmax", "float32", (32, 21, 128, 128), 1),
    Case("softmax", "float16", (4096, 1000)),
    *(Case("logsumexp", dtype, shape) for dtype in FLOATS for shape in SHAPES),
    Case("logsumexp", "float32", (1000, 4096), 0),
    *(Case("log_softmax", dtype, shape) for dtype in FLOATS for shape in SHAPES[1:3]),
    *(Case("softmax_vjp", dtype, shape) for dtype in FLOATS for shape in SHAPES[1:5:2]),
    *(Case("softmax_vjp", dtype, (4096, 1000)) for dtype in FLOATS),
    *(Case("softmax_jvp", dtype, (4096, 1000)) for dtype in FLOATS),
    *(Case(name, "float32", shape) for name in LOSSES for shape in CLASSES),
)

GRID = tuple(
    Case(operation, dtype, *shape)
    for operation, dtypes in GRID_DTYPES.items()
    for dtype in dtypes
    for shape in GRID_SHAPES
)
