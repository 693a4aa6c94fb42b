"""``softkern info``: what this installation consists of and runs on."""

import json
import platform
from contextlib import suppress
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from llvmlite import binding as llvm
from numba.core import config as _numba_config

from .. import __version__
from ..backends.numba_cpu.caching import folder
from . import table

config: Any = _numba_config  # its names come to be at run time, unseen by mypy

_DEPENDENCIES = ("numpy", "numba", "llvmlite", "array-api-compat")
_KERNELS = {
    "cupy": "CUDA kernels",
    "torch": "numba kernels, CUDA kernels where CuPy is",
    "jax": "array API, own derivatives",
    "dask": "each block by its own kind",
    "array-api-strict": "array API",
}
_WHEELS = {"cupy": ("cupy", "cupy-cuda12x", "cupy-cuda13x")}  # where they are named otherwise
_LAYERS = {"tbb": "tbbpool", "omp": "omppool", "workqueue": "workqueue"}


def info(as_json: bool) -> int:
    found = gather()
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        rows = [
            ("" if k else section, name, "-" if value is None else str(value))
            for section, entries in found.items()
            for k, (name, value) in enumerate(entries.items())
        ]
        table.show("softkern info", ("", "", ""), rows)
    return 0


def gather() -> dict[str, dict[str, str | int | bool | None]]:
    """Return what there is to know, by section; None stands for what is not there."""
    features = llvm.get_host_cpu_features()
    return {
        "versions": {
            "softkern": __version__,
            "python": platform.python_version(),
            **{name: _version(name) for name in (*_DEPENDENCIES, "scipy", *_KERNELS)},
        },
        "arrays": {
            "numpy": "numba kernels",
            **{name: how if _installed(name) else None for name, how in _KERNELS.items()},
        },
        "cpu": {
            "name": llvm.get_host_cpu_name(),
            "vector bits": _vector_bits(features),
            "fma": features.get("fma", False) or features.get("neon", False),
        },
        "threads": {
            "number": config.NUMBA_NUM_THREADS,
            "layer": _threading_layer(),
        },
        "cache": {"folder": folder()},
    }


def _version(name: str) -> str | None:
    for wheel in _WHEELS.get(name, (name,)):
        with suppress(PackageNotFoundError):
            return version(wheel)
    return None


def _installed(name: str) -> bool:
    return find_spec(name.replace("-", "_")) is not None


def _vector_bits(features: dict[str, bool]) -> int:
    return 512 if features.get("avx512f") else 256 if features.get("avx") else 128


def _threading_layer() -> str:
    """Return the layer that Numba will take: the first of its list that can be loaded."""
    chosen = config.THREADING_LAYER
    for name in [chosen] if chosen in _LAYERS else config.THREADING_LAYER_PRIORITY:
        try:
            import_module(f"numba.np.ufunc.{_LAYERS[name]}")
        except ImportError:
            continue
        return str(name)
    return f"none ({chosen} cannot be loaded)"
