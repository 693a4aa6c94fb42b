"""Devices, streams, graphs and events; all work is done at once."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, ClassVar, Self

from .errors import CUDARuntimeError
from .settings import DEVICE_COUNT, settings


class _State(threading.local):
    """The current device and streams, which are a thread's own."""

    def __init__(self) -> None:
        self.device = 0
        self.streams: dict[int, Stream] = {}
        self.capturing: Stream | None = None


state = _State()


def not_while_capturing(what: str) -> None:
    """Raise as CUDA does for what cannot be captured."""
    if state.capturing:
        raise CUDARuntimeError(f"cudaErrorStreamCaptureUnsupported: {what} while a stream captures")


class Device:
    """As cupy.cuda.Device."""

    def __init__(self, device: "int | Device | None" = None) -> None:
        self.id = state.device if device is None else int(device)
        if not 0 <= self.id < DEVICE_COUNT:
            raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        self._before: list[int] = []

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"

    def __enter__(self) -> Self:
        self._before.append(state.device)
        self.use()
        return self

    def __exit__(self, *error: object) -> None:
        state.device = self._before.pop()

    def use(self) -> None:
        state.device = self.id

    def synchronize(self) -> None:
        not_while_capturing("synchronization")

    @property
    def compute_capability(self) -> str:
        return settings.compute_capability

    @property
    def attributes(self) -> dict[str, int]:
        major, minor = settings.compute_capability[:-1], settings.compute_capability[-1]
        return {
            "ComputeCapabilityMajor": int(major),
            "ComputeCapabilityMinor": int(minor),
            "MultiProcessorCount": settings.multiprocessors,
            "WarpSize": 32,
            "MaxThreadsPerBlock": 1024,
            "MaxThreadsPerMultiProcessor": 2048,
            "MaxBlocksPerMultiprocessor": 32,
            "MaxGridDimX": 2**31 - 1,
            "MaxGridDimY": 65535,
            "MaxGridDimZ": 65535,
            "MaxRegistersPerBlock": 65536,
            "MaxSharedMemoryPerBlock": 48 << 10,
            "MaxSharedMemoryPerBlockOptin": settings.shared_memory_optin,
            "MaxSharedMemoryPerMultiprocessor": settings.shared_memory_optin + 1024,
            "ReservedSharedMemoryPerBlock": 1024,
            "L2CacheSize": 50 << 20,
        }


class Graph:
    """As cupy.cuda.Graph: the launches that a stream captured."""

    def __init__(self) -> None:
        self.nodes: list[Callable[[], None]] = []

    def launch(self, stream: "Stream | None" = None) -> None:
        not_while_capturing("the launch of a graph")
        for node in self.nodes:
            node()

    def upload(self, stream: "Stream | None" = None) -> None:
        not_while_capturing("the upload of a graph")


class Stream:
    """As cupy.cuda.Stream."""

    null: ClassVar["Stream"]
    _count = 0

    def __init__(self, null: bool = False, non_blocking: bool = False, **others: Any) -> None:
        Stream._count += 1
        self.ptr = 0 if null else 0x1000 * Stream._count
        self.non_blocking = non_blocking
        self.device_id = -1 if null else state.device
        self.graph: Graph | None = None
        self._before: list[Stream] = []

    def __enter__(self) -> Self:
        self._before.append(get_current_stream())
        self.use()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._before.pop().use()

    def use(self) -> Self:
        if self.device_id not in (-1, state.device):
            raise CUDARuntimeError(
                f"cudaErrorInvalidResourceHandle: a stream of device {self.device_id} "
                f"on device {state.device}"
            )
        state.streams[state.device] = self
        return self

    def synchronize(self) -> None:
        not_while_capturing("synchronization")

    @property
    def done(self) -> bool:
        not_while_capturing("a query")
        return True

    def record(self, event: "Event | None" = None) -> "Event":
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: "Event") -> None:
        """All work is done at once: there is nothing to wait for."""

    def begin_capture(self, mode: int | None = None) -> None:
        if self.ptr == 0:
            raise CUDARuntimeError("cudaErrorStreamCaptureUnsupported: of the null stream")
        not_while_capturing("the begin of a capture")
        state.capturing, self.graph = self, Graph()

    def end_capture(self) -> Graph:
        if state.capturing is not self or self.graph is None:
            raise CUDARuntimeError("cudaErrorIllegalState: the stream captures nothing")
        state.capturing, graph = None, self.graph
        self.graph = None
        return graph

    def is_capturing(self) -> bool:
        return state.capturing is self


Stream.null = Stream(null=True)


def get_current_stream(device_id: int = -1) -> Stream:
    """The stream that launches go to."""
    return state.streams.get(state.device if device_id == -1 else device_id, Stream.null)


class Event:
    """As cupy.cuda.Event."""

    def __init__(
        self, block: bool = False, disable_timing: bool = False, interprocess: bool = False
    ) -> None:
        self.time = time.perf_counter()

    def record(self, stream: Stream | None = None) -> None:
        self.time = time.perf_counter()

    def synchronize(self) -> None:
        not_while_capturing("synchronization")

    @property
    def done(self) -> bool:
        return True


def get_elapsed_time(start: Event, end: Event) -> float:
    """Milliseconds between two events."""
    return 1e3 * (end.time - start.time)
