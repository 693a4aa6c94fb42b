"""Device memory: aligned as CuPy's pool aligns it, poisoned, and guarded on both sides."""

import weakref

import numpy as np
import numpy.typing as npt

from .devices import Device, not_while_capturing, state
from .settings import settings

ALIGNMENT = 512
GUARD = 4096
# A NaN in every floating type, and so are the guards: other bits for each allocation, since a NaN
# that is read from one guard and stored over another must be seen there.
POISON = 0xFF
GUARD_NAN = 0xFFC0

_live: "weakref.WeakValueDictionary[int, Memory]" = weakref.WeakValueDictionary()


class Memory:
    """An allocation."""

    def __init__(self, size: int) -> None:
        not_while_capturing("an allocation")
        settings.allocations.count += 1
        settings.allocations.bytes += size
        self.size = size
        self.device_id = state.device
        self._guard = GUARD_NAN + settings.allocations.count % 63
        self.raw = np.full((size + 2 * GUARD + ALIGNMENT) // 2, self._guard, np.uint16).view("u1")
        self.offset = GUARD + -(self.raw.ctypes.data + GUARD) % ALIGNMENT
        self.ptr = self.raw.ctypes.data + self.offset
        self.bytes()[:] = POISON
        _live[self.ptr] = self

    @property
    def device(self) -> Device:
        return Device(self.device_id)

    def bytes(self) -> npt.NDArray[np.uint8]:
        """What was asked for, without the guards."""
        return self.raw[self.offset : self.offset + self.size]

    def guards_are_intact(self) -> bool:
        words = self.raw.view(np.uint16)
        end = (self.offset + self.size + 1) // 2
        before, after = words[: self.offset // 2], words[end:]
        return bool((before == self._guard).all() and (after == self._guard).all())


class MemoryPointer:
    """As cupy.cuda.MemoryPointer: a place in an allocation."""

    def __init__(self, mem: Memory, offset: int) -> None:
        self.mem = mem
        self.ptr = mem.ptr + offset
        self.device_id = mem.device_id

    def __int__(self) -> int:
        return self.ptr

    def __add__(self, offset: int) -> "MemoryPointer":
        return MemoryPointer(self.mem, self.ptr - self.mem.ptr + offset)

    @property
    def device(self) -> Device:
        return self.mem.device


def alloc(size: int) -> MemoryPointer:
    """As cupy.cuda.alloc."""
    return MemoryPointer(Memory(size), 0)


def find(address: int) -> Memory | None:
    """The allocation that an address lies in."""
    return next((m for m in _live.values() if m.ptr <= address < m.ptr + max(m.size, 1)), None)
