"""A stand-in for CuPy on machines with no GPU: `install()`, then `import cupy`."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np

from ..compiler import CompilationError
from . import devices, functions, kernels, memory, operators
from .errors import CUDADriverError, CUDARuntimeError
from .settings import DEVICE_COUNT, LaunchRecord, Settings, settings

__all__ = ["LaunchRecord", "Settings", "install", "settings"]
VERSION = "14.0.0"

ATTRIBUTES = {  # of cudaDeviceAttr
    "MaxThreadsPerBlock": 1,
    "MaxSharedMemoryPerBlock": 8,
    "WarpSize": 10,
    "MultiProcessorCount": 16,
    "L2CacheSize": 38,
    "MaxThreadsPerMultiProcessor": 39,
    "ComputeCapabilityMajor": 75,
    "ComputeCapabilityMinor": 76,
    "MaxSharedMemoryPerMultiprocessor": 81,
    "MaxSharedMemoryPerBlockOptin": 97,
}


def install() -> ModuleType:
    """Put the stand-in into `sys.modules` as cupy, and return it."""
    operators.attach()
    names = functions.namespace()
    cupy = _module("cupy", __version__=VERSION, __path__=[], **names)
    cupy.__all__ = sorted(names)  # type: ignore[attr-defined]
    for name, value in {
        "RawKernel": kernels.RawKernel,
        "RawModule": kernels.RawModule,
        "memoize": kernels.memoize,
        "cuda": _cuda(),
        "linalg": _module("cupy.linalg", **functions.from_numpy(np.linalg)),
        "fft": _module("cupy.fft", **functions.from_numpy(np.fft)),
    }.items():
        setattr(cupy, name, value)
    return cupy


def _module(name: str, **names: Any) -> ModuleType:
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, loader=None)  # without one, find_spec raises
    vars(module).update(names)
    sys.modules[name] = module
    return module


def _cuda() -> ModuleType:
    streams = {
        name: getattr(devices, name)
        for name in ("Stream", "Event", "Graph", "get_current_stream", "get_elapsed_time")
    }
    memories = {name: getattr(memory, name) for name in ("MemoryPointer", "Memory", "alloc")}
    return _module(
        "cupy.cuda",
        __path__=[],
        **streams,
        **memories,
        Device=devices.Device,
        is_available=lambda: True,
        device=_module("cupy.cuda.device", Device=devices.Device),
        stream=_module("cupy.cuda.stream", **streams),
        memory=_module("cupy.cuda.memory", **memories),
        driver=_module("cupy.cuda.driver", CUDADriverError=CUDADriverError),
        compiler=_module("cupy.cuda.compiler", CompileException=CompilationError),
        runtime=_runtime(),
    )


def _runtime() -> ModuleType:
    return _module(
        "cupy.cuda.runtime",
        CUDARuntimeError=CUDARuntimeError,
        is_hip=False,
        getDevice=lambda: devices.state.device,
        setDevice=lambda device: devices.Device(device).use(),
        getDeviceCount=lambda: DEVICE_COUNT,
        getDeviceProperties=_properties,
        deviceGetAttribute=_attribute,
        deviceSynchronize=lambda: devices.Device().synchronize(),
        runtimeGetVersion=lambda: 12090,
        driverGetVersion=lambda: 12090,
        **{f"cudaDevAttr{name}": number for name, number in ATTRIBUTES.items()},
    )


def _properties(device: int) -> dict[str, Any]:
    attributes = devices.Device(device).attributes
    return {
        "name": b"CUDA emulator",
        "major": attributes["ComputeCapabilityMajor"],
        "minor": attributes["ComputeCapabilityMinor"],
        "multiProcessorCount": attributes["MultiProcessorCount"],
        "sharedMemPerBlock": attributes["MaxSharedMemoryPerBlock"],
        "sharedMemPerBlockOptin": attributes["MaxSharedMemoryPerBlockOptin"],
        "sharedMemPerMultiprocessor": attributes["MaxSharedMemoryPerMultiprocessor"],
        "maxThreadsPerBlock": attributes["MaxThreadsPerBlock"],
        "maxThreadsPerMultiProcessor": attributes["MaxThreadsPerMultiProcessor"],
        "l2CacheSize": attributes["L2CacheSize"],
        "warpSize": attributes["WarpSize"],
        "totalGlobalMem": 80 << 30,
    }


def _attribute(number: int, device: int) -> int:
    name = next((name for name, known in ATTRIBUTES.items() if known == number), None)
    if name is None:
        raise CUDARuntimeError(f"cudaErrorInvalidValue: attribute {number}")
    return devices.Device(device).attributes[name]
