"""cupy.RawKernel and cupy.RawModule, which check what CuPy passes on unseen."""

from collections.abc import Callable
from functools import cache, wraps
from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt

from ..program import Buffer, Program
from ..report import Fault, KernelFault, Report
from .arguments import value_of
from .arrays import ndarray
from .devices import Stream, get_current_stream, state
from .errors import CUDADriverError, CUDARuntimeError
from .memory import Memory, MemoryPointer, find
from .settings import LaunchRecord, settings

Three = tuple[int, int, int]
Bytes = npt.NDArray[np.uint8]
Function = Callable[..., Any]
DEFAULT_SHARED_LIMIT = 48 << 10


@cache
def _program(
    source: str, options: tuple[str, ...], checked: bool, expressions: tuple[str, ...]
) -> Program:
    return Program(source, options, checked=checked, expressions=expressions)


class RawKernel:
    """As cupy.RawKernel."""

    def __init__(
        self,
        code: str,
        name: str,
        options: tuple[str, ...] = (),
        backend: str = "nvrtc",
        **others: Any,
    ) -> None:
        _check_options(options, others)
        self.code = code
        self.name = name
        self.options = options
        self.backend = backend
        self.expressions: tuple[str, ...] = ()  # those of its RawModule
        self._shared_limits: dict[int, int] = {}

    def compile(self, log_stream: Any = None) -> None:
        self._program()

    @property
    def max_dynamic_shared_size_bytes(self) -> int:
        """Of the current device, on which alone it is set."""
        return self._shared_limits.get(state.device, DEFAULT_SHARED_LIMIT)

    @max_dynamic_shared_size_bytes.setter
    def max_dynamic_shared_size_bytes(self, size: int) -> None:
        limit = settings.shared_memory_optin - self.shared_size_bytes
        if not 0 <= size <= limit:
            raise CUDADriverError(f"CUDA_ERROR_INVALID_VALUE: {size} bytes of at most {limit}")
        self._shared_limits[state.device] = size

    @property
    def shared_size_bytes(self) -> int:
        """Of the static shared variables."""
        return self._program().static_shared_bytes

    @property
    def attributes(self) -> dict[str, int]:
        return {
            "max_threads_per_block": self._program().max_threads(self.name),
            "shared_size_bytes": self.shared_size_bytes,
            "const_size_bytes": 0,
            "local_size_bytes": 0,
            "num_regs": 32,
            "max_dynamic_shared_size_bytes": self.max_dynamic_shared_size_bytes,
        }

    def __call__(
        self,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        args: tuple[Any, ...],
        *,
        shared_mem: int = 0,
        stream: Stream | None = None,
    ) -> None:
        if not isinstance(args, (tuple, list)):
            raise TypeError(f"args must be a tuple, not {type(args).__name__}")
        launch = _Launch(
            self, self._program(), _sizes(grid), _sizes(block), tuple(args), shared_mem
        )
        stream = stream or get_current_stream()
        launch.check(stream)
        if state.capturing is None:
            launch.run()
        elif state.capturing is stream and stream.graph is not None:
            stream.graph.nodes.append(launch.run)
        else:
            raise CUDARuntimeError(
                "cudaErrorStreamCaptureImplicit: a launch on one stream while another captures"
            )

    def _program(self) -> Program:
        architecture = f"-D__CUDA_ARCH__={settings.compute_capability}0"
        options = (*self.options, architecture)
        program = _program(self.code, options, settings.checked, self.expressions)
        if self.name not in program.kernels:
            raise CUDADriverError(f"CUDA_ERROR_NOT_FOUND: no kernel {self.name}")
        return program


class RawModule:
    """As cupy.RawModule, from source."""

    def __init__(
        self,
        *,
        code: str | None = None,
        path: str | None = None,
        options: tuple[str, ...] = (),
        backend: str = "nvrtc",
        name_expressions: Any = None,
        **others: Any,
    ) -> None:
        _check_options(options, others)
        if code is None or path is not None:
            raise NotImplementedError("only `code`")
        self.code: str = code
        self.options = options
        self.name_expressions = tuple(name_expressions or ())
        self._kernels: dict[str, RawKernel] = {}

    def compile(self, log_stream: Any = None) -> None:
        _program(self.code, self.options, settings.checked, self.name_expressions)

    def get_function(self, name: str) -> RawKernel:
        kernel = self._kernels.setdefault(name, RawKernel(self.code, name, self.options))
        kernel.expressions = self.name_expressions
        kernel.compile()
        return kernel


class _Launch:
    """A launch whose arguments are fixed; a graph runs it again and again."""

    def __init__(
        self,
        kernel: RawKernel,
        program: Program,
        grid: Three,
        block: Three,
        arguments: tuple[Any, ...],
        shared_bytes: int,
    ) -> None:
        self.kernel = kernel
        self.program = program
        self.grid = grid
        self.block = block
        self.arguments = arguments  # kept alive, with their memory
        self.shared_bytes = shared_bytes
        self.device = state.device

    def check(self, stream: Stream) -> None:
        """Raise for what CUDA refuses, and for what CuPy would let pass."""
        if min(self.grid + self.block) < 1:
            raise CUDADriverError(
                f"CUDA_ERROR_INVALID_VALUE: grid {self.grid}, block {self.block}: CuPy launches "
                "one where zero is asked for"
            )
        too_large = self.grid[0] >= 2**31 or max(self.grid[1:]) > 65535
        x, y, z = self.block
        most = self.program.max_threads(self.kernel.name)
        if too_large or x * y * z > most or z > 64:
            raise CUDADriverError(
                f"CUDA_ERROR_INVALID_VALUE: grid {self.grid}, block {self.block} of at most {most}"
            )
        limit = self.kernel.max_dynamic_shared_size_bytes
        if not 0 <= self.shared_bytes <= limit:
            raise CUDADriverError(
                f"CUDA_ERROR_INVALID_VALUE: {self.shared_bytes} bytes of dynamic shared memory, of "
                f"at most {limit}; more needs max_dynamic_shared_size_bytes"
            )
        if stream.device_id not in (-1, self.device):
            raise CUDADriverError(
                f"CUDA_ERROR_INVALID_HANDLE: a stream of device {stream.device_id} on {self.device}"
            )
        parameters = self.program.parameters(self.kernel.name)
        if len(parameters) != len(self.arguments):
            raise TypeError(
                f"{self.kernel.name} takes {len(parameters)} arguments, not {len(self.arguments)}: "
                "CuPy would read past the list"
            )
        self.stream = stream.ptr
        self.values = [
            value_of(number, parameter, argument, self.device)
            for number, (parameter, argument) in enumerate(
                zip(parameters, self.arguments, strict=True)
            )
        ]
        self.constant = [bool(parameter.pointed_const) for parameter in parameters]

    def run(self) -> None:
        buffers, memories = self._buffers()
        first, *others = settings.orders
        before = _copies(memories) if others else []
        report = self._run_in(first, buffers)
        results = _copies(memories) if others else []
        for order in others:
            for memory, values in zip(memories, before, strict=True):
                memory.bytes()[:] = values
            self._run_in(order, buffers)
            if any((a != b).any() for a, b in zip(_copies(memories), results, strict=True)):
                raise self._fault("order", f"results differ in the orders {first} and {order}")
        if not all(memory.guards_are_intact() for memory in memories):
            raise self._fault("out-of-bounds", "stores past the ends of an array")
        settings.launches.append(
            LaunchRecord(
                self.kernel.name,
                self.grid,
                self.block,
                self.shared_bytes,
                self.stream,
                self.device,
                report,
            )
        )

    def _run_in(self, order: str, buffers: list[Buffer]) -> Report:
        double = any(isinstance(a, ndarray) and a.dtype == np.float64 for a in self.arguments)
        return self.program.launch(
            self.kernel.name,
            self.grid,
            self.block,
            self.values,
            shared_bytes=self.shared_bytes,
            buffers=buffers,
            order=order,
            seed=settings.seed,
            flush=not double,
            trust_atomics=settings.trust_atomics,
        )

    def _buffers(self) -> tuple[list[Buffer], list[Memory]]:
        """What the kernel may use: of arrays their span, of other pointers the allocation."""
        buffers, memories = [], dict[int, Memory]()
        for argument, constant in zip(self.arguments, self.constant, strict=True):
            if isinstance(argument, ndarray):
                begin, end = argument.span
                memory: Memory | None = argument.data.mem
            elif isinstance(argument, (MemoryPointer, int)):
                memory = find(int(argument))
                begin, end = (memory.ptr, memory.ptr + memory.size) if memory else (0, 0)
            else:
                continue
            buffers.append(Buffer(begin, end - begin, not constant))
            if memory:
                memories[memory.ptr] = memory
        return buffers, list(memories.values())

    def _fault(self, kind: str, text: str) -> KernelFault:
        return KernelFault([Fault(kind, self.kernel.name, text, (0, 0, 0), (0, 0, 0))])


def _copies(memories: list[Memory]) -> list[Bytes]:
    return [memory.bytes().copy() for memory in memories]


def _sizes(sizes: Any) -> Three:
    if not isinstance(sizes, tuple) or not 1 <= len(sizes) <= 3:
        raise TypeError(f"grid and block are tuples of one to three integers, not {sizes!r}")
    x, y, z = (*(index(size) for size in sizes), 1, 1)[:3]
    return x, y, z


def _check_options(options: tuple[str, ...], others: dict[str, Any]) -> None:
    if not isinstance(options, tuple):
        raise TypeError("options must be a tuple")
    unknown = others.keys() - {"translate_cucomplex", "enable_cooperative_groups", "jitify"}
    if unknown or any(others.values()):
        raise NotImplementedError(f"{others}")


def memoize(for_each_device: bool = False) -> Callable[[Function], Function]:
    """As cupy.memoize."""

    def decorate(function: Function) -> Function:
        results: dict[Any, Any] = {}

        @wraps(function)
        def remembered(*args: Any, **kwargs: Any) -> Any:
            device = state.device if for_each_device else -1
            key = (device, args, frozenset(kwargs.items()))
            if key not in results:
                results[key] = function(*args, **kwargs)
            return results[key]

        return remembered

    return decorate
