"""Arguments of every kind, right and wrong, for every operation: a result or an error that says why.

python tests/fuzz/fuzz_arguments.py -max_total_time=3600
"""

import contextlib
import sys
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["softkern"], enable_loader_override=False):
    import softkern.backends.array_api

    import softkern._api
    import softkern._jvp
    import softkern._vjp

import ml_dtypes
import numpy as np
from numpy.lib.stride_tricks import as_strided

sys.path.insert(0, str(Path(__file__).parents[1]))
from arrays import OPERATIONS

ERRORS = TypeError, ValueError, IndexError, OverflowError  # the last of numbers like 10**400
DTYPES = [
    "f2",
    ml_dtypes.bfloat16,
    "f4",
    "f8",
    "g",
    ">f4",
    "i1",
    "u8",
    "?",
    "c8",
    "O",
    "U2",
    "M8[s]",
    "f4,f4",
]
OBJECTS = [
    None,
    True,
    1,
    -1.0,
    2**70,
    10**400,
    float("nan"),
    float("inf"),
    1j,
    "x",
    b"x",
    [],
    (),
    {},
    [[1, 2], [3]],
]
MEMORY = np.zeros(1 << 12, np.uint8)


def array(given):
    """One of any dtype and shape, as its strides have it in the same memory."""
    dtype = np.dtype(given.PickValueInList(DTYPES))
    shape = [given.ConsumeIntInRange(0, 4) for _ in range(given.ConsumeIntInRange(0, 3))]
    if dtype.kind in "OU" or given.ConsumeBool():
        return np.zeros(shape, dtype)
    start = given.ConsumeIntInRange(1024, 1100)
    strides = [given.ConsumeIntInRange(-64, 64) for _ in shape]
    return as_strided(MEMORY[start : start + 16][: dtype.itemsize].view(dtype), shape, strides)


def anything(given):
    kind = given.ConsumeIntInRange(0, 9)
    if kind < 5:
        return array(given)
    if kind < 7:
        return given.ConsumeFloat()
    return given.PickValueInList(OBJECTS)


def axis(given):
    kind = given.ConsumeIntInRange(0, 5)
    if kind == 0:
        return anything(given)
    if kind == 1:
        return tuple(given.ConsumeIntInRange(-5, 5) for _ in range(given.ConsumeIntInRange(0, 3)))
    return np.int64(given.ConsumeIntInRange(-4, 4)) if kind == 2 else given.ConsumeIntInRange(-4, 4)


def one_input(data):
    given = atheris.FuzzedDataProvider(data)
    name = given.PickValueInList(list(OPERATIONS))
    given_bytes = given.ConsumeBytes(64)
    MEMORY[1024 : 1024 + len(given_bytes)] = np.frombuffer(given_bytes, np.uint8)
    operands = [anything(given)]
    if name.endswith(("_jvp", "_vjp")):
        operands.append(anything(given))
    options = {key: anything(given) for key in ("temperature", "where") if given.ConsumeBool()}
    if given.ConsumeBool():
        options["out"] = (array(given), array(given)) if given.ConsumeBool() else anything(given)
    if len(operands) > 1 and given.ConsumeBool():
        options["output"] = anything(given)
    if name == "logsumexp" and given.ConsumeBool():
        options |= {"b": anything(given), "keepdims": given.ConsumeBool()}
    with contextlib.suppress(*ERRORS):
        getattr(softkern, name)(*operands, axis(given), **options)


def main():
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "(overflow|invalid value) encountered in cast")
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
