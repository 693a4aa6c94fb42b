"""Compile a CUDA source and run its kernels on the CPU."""

import ctypes
import math
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import native
from .compiler import LARGEST_DYNAMIC_ARRAY, expression_name, kernel_library
from .report import Counts, Fault, KernelFault, RawSite, Report, locations

MAX_PARAMETERS = 256
KINDS = {"b": "b", "i": "i", "u": "u", "f": "f", "h": "f", "p": "u"}  # those of NumPy

# The machine is one, and its kernels run with the GIL released.
_lock = threading.Lock()


class Buffer(NamedTuple):
    """Memory that a kernel may use."""

    address: int
    size: int
    writable: bool = True


class Program:
    """A CUDA source, compiled.

    Parameters
    ----------
    source : str
        CUDA C++. Its kernels are its `extern "C" __global__` functions, and those of its headers.
    options : sequence of str
        As for NVRTC. -D, -U and -I count, all others are ignored.
    checked : bool
        Whether every access to memory is checked. If not, kernels run two to five times as fast,
        and only what barriers and warps do is checked.
    expressions : sequence of str
        More kernels, by the names that C++ has for them, such as "scale<float, 4>".
    """

    def __init__(
        self,
        source: str,
        options: Sequence[str] = (),
        *,
        checked: bool = True,
        expressions: Sequence[str] = (),
    ) -> None:
        self.checked = checked
        self.path = kernel_library(source, options, checked, expressions)
        self._runtime = native.library()
        self._library = ctypes.CDLL(str(self.path))
        names = ctypes.c_char_p.in_dll(self._library, "emulator_kernels").value or b""
        self._names = {name: name for name in names.decode().split()}
        self._names |= {text: expression_name(k) for k, text in enumerate(expressions)}
        self.kernels = tuple(self._names)

    def parameters(self, name: str) -> list[native.Parameter]:
        """How the kernel reads its arguments."""
        parameters = (native.Parameter * MAX_PARAMETERS)()
        return parameters[: self._function("describe", name)(parameters)]

    def max_threads(self, name: str) -> int:
        """The largest block that the kernel's `__launch_bounds__` allow."""
        return int(self._function("bounds", name)())

    @property
    def static_shared_bytes(self) -> int:
        """The size of the `__shared__` variables that are no dynamic array."""
        with _lock:
            size: int = self._runtime.emulator_static_shared_bytes(self._library.emulator_module)
        return size

    def launch(
        self,
        name: str,
        grid: Sequence[int],
        block: Sequence[int],
        arguments: Sequence[Any],
        *,
        shared_bytes: int = 0,
        buffers: Sequence[Buffer] = (),
        order: str = "random",
        seed: int = 0,
        flush: bool = True,
        trust_atomics: bool = False,
        blocks: Sequence[int] | None = None,
    ) -> Report:
        """Run a kernel.

        Parameters
        ----------
        arguments : sequence
            NumPy arrays, whose memory the kernel gets, NumPy scalars of just the right size, Python
            numbers, which are converted, and bytes for structures.
        buffers : sequence of Buffer
            The memory that the kernel may use; if none, that of the arrays among the arguments.
        order : {"forward", "reverse", "random", "greedy"}
            Which thread, and which block, goes first. "greedy": a warp goes on while it can.
        flush : bool
            Whether subnormal numbers are zero, in double precision too.
        trust_atomics : bool
            Whether to believe that blocks order their accesses to each other's data by atomics.
        blocks : sequence of int, optional
            The blocks of the grid to run, by number; all of them, if not given.

        Raises
        ------
        KernelFault
            The kernel did what it must not.
        """
        parameters = self.parameters(name)
        if len(arguments) != len(parameters):
            raise TypeError(f"{name} takes {len(parameters)} arguments, not {len(arguments)}")
        if not 0 < math.prod(block) <= self.max_threads(name):
            raise ValueError(f"a block of {block}, of at most {self.max_threads(name)} threads")
        if not 0 <= shared_bytes <= LARGEST_DYNAMIC_ARRAY:
            raise ValueError(f"{shared_bytes} bytes of shared memory")
        values = [_value(p, a) for p, a in zip(parameters, arguments, strict=True)]
        buffers = buffers or _buffers(parameters, arguments)
        regions = _Regions(buffers, self.checked)
        numbers = None if blocks is None else np.array(blocks, np.uint64)
        launch = native.Launch(
            native.Index(*_three(grid)),
            native.Index(*_three(block)),
            shared_bytes,
            seed,
            native.ORDERS.index(order),
            self.checked,
            flush,
            trust_atomics,
            len(regions.table),
            regions.table,
            0 if numbers is None else numbers.size,
            None if numbers is None else numbers.ctypes.data,
        )
        report, faults = self._run(name, values, launch)
        if faults:
            raise KernelFault(faults)
        if self.checked:
            report.loads = [regions.counts(regions.loads, each) for each in buffers]
            report.stores = [regions.counts(regions.stores, each) for each in buffers]
        return report

    def _run(
        self, name: str, values: list[Any], launch: native.Launch
    ) -> tuple[Report, list[Fault]]:
        pointers = (ctypes.c_void_p * (len(values) + 1))(*map(ctypes.addressof, values))
        outcome = native.Outcome()
        with _lock:
            self._runtime.emulator_launch(
                self._library.emulator_module,
                self._function("call", name),
                pointers,
                ctypes.byref(launch),
                ctypes.byref(outcome),
            )
            faults = self._faults(outcome.faults[: outcome.fault_count])
            sites = [
                RawSite(s.address, bool(s.is_store), s.requests, s.sectors, s.bytes)
                for s in outcome.sites[: outcome.site_count]
            ]
        return Report(outcome.barriers, library=self.path, sites=sites), faults

    def _function(self, kind: str, name: str) -> Any:
        return self._library[f"emulator_{kind}_{self._names[name]}"]

    def _faults(self, found: list[native.Fault]) -> list[Fault]:
        places = locations(self.path, [fault.site for fault in found])
        return [
            Fault(
                fault.kind.decode(),
                place,
                fault.text.decode(),
                (fault.block.x, fault.block.y, fault.block.z),
                (fault.thread.x, fault.thread.y, fault.thread.z),
            )
            for fault, place in zip(found, places, strict=True)
        ]


class _Regions:
    """The buffers, joined where they overlap, and the counts of accesses to their bytes."""

    def __init__(self, buffers: Sequence[Buffer], counted: bool) -> None:
        spans: list[list[int]] = []
        for begin, size, writable in sorted(buffer for buffer in buffers if buffer.size):
            if spans and begin < spans[-1][1]:
                spans[-1][1] = max(spans[-1][1], begin + size)
                spans[-1][2] |= writable
            else:
                spans.append([begin, begin + size, writable])
        self.begins = [begin for begin, _, _ in spans]
        sizes = [end - begin if counted else 0 for begin, end, _ in spans]
        self.loads = [np.zeros(size, np.uint8) for size in sizes]
        self.stores = [np.zeros(size, np.uint8) for size in sizes]
        self.table = (native.Region * len(spans))()
        for k, (begin, end, may_write) in enumerate(spans):
            counts = self.loads[k].ctypes.data, self.stores[k].ctypes.data
            self.table[k] = native.Region(begin, end, bool(may_write), *counts)

    def counts(self, of_regions: list[Counts], buffer: Buffer) -> Counts:
        """The part of the counts that is a buffer's."""
        if not buffer.size:
            return np.zeros(0, np.uint8)
        k = int(np.searchsorted(self.begins, buffer.address, "right")) - 1
        begin = buffer.address - self.begins[k]
        return of_regions[k][begin : begin + buffer.size]


def _three(sizes: Sequence[int]) -> tuple[int, int, int]:
    x, y, z = (*map(int, sizes), 1, 1)[:3]
    return x, y, z


def _value(parameter: native.Parameter, argument: Any) -> Any:
    """The argument as the bytes that the kernel reads."""
    if isinstance(argument, np.ndarray):
        argument = np.uint64(argument.ctypes.data)
    elif isinstance(argument, (bool, int, float)) and not isinstance(argument, np.generic):
        if (kind := parameter.kind.decode()) not in KINDS:
            raise TypeError(f"{argument!r} for a parameter that is no number")
        argument = np.array(argument, f"{KINDS[kind]}{parameter.size}")
    value = argument if isinstance(argument, bytes) else argument.tobytes()
    if len(value) != parameter.size:
        raise TypeError(f"an argument has {len(value)} bytes, the kernel reads {parameter.size}")
    return (ctypes.c_char * parameter.size).from_buffer_copy(value)


def _buffers(parameters: list[native.Parameter], arguments: Sequence[Any]) -> list[Buffer]:
    return [
        _buffer(argument, argument.flags.writeable and not parameter.pointed_const)
        for parameter, argument in zip(parameters, arguments, strict=True)
        if isinstance(argument, np.ndarray)
    ]


def _buffer(array: npt.NDArray[Any], writable: bool) -> Buffer:
    begin, end = np.lib.array_utils.byte_bounds(array)
    return Buffer(begin, end - begin, writable)
