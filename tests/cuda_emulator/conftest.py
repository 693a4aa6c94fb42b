"""The stand-in for CuPy, by itself."""

import sys

import numpy as np
import pytest

from cuda_emulator import stand_in


@pytest.fixture(scope="module")
def installed():
    before = {name: module for name, module in sys.modules.items() if is_cupy(name)}
    yield stand_in.install()
    for name in list(filter(is_cupy, sys.modules)):
        del sys.modules[name]
    sys.modules.update(before)


@pytest.fixture
def cupy(installed):
    """The stand-in as `cupy`, with settings of its own."""
    with stand_in.settings.using(launches=[], checked=False, orders=("random",)):
        yield installed


def is_cupy(name):
    return name.partition(".")[0] == "cupy"


@pytest.fixture
def x(cupy):
    return cupy.asarray(np.arange(12, dtype=np.float32).reshape(3, 4))
