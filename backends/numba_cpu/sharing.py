"""Work shared by threads: those of the layer that Numba runs its own on."""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.extending import intrinsic

from . import forks, slices
from .caching import cfunc
from .calling import call, take_groups
from .objects import at_address, data_of, words_at
from .row import WHOLE
from .threads import parallel_for

WORK = np.dtype(
    [
        (name, np.intp)
        for name in (
            "kernel",
            "merging",
            "x",
            "v",
            "y",
            "dy",
            "tile",  # of the first thread
            "memo",
            "temperatures",
            "job",
            "lines",
            "phase",
            "first",  # of the units of work, which in the phase WHOLE are groups
            "last",  # and the one behind the last
            "blocks",  # of a row
            "labelled",
            "tile_bytes",
            "threads",
            "cuts",  # where each thread's units begin, or 0 where all have as many
        )
    ]
)
_work_at = at_address(from_dtype(WORK))


def _take_part(first, count, steps, work):
    """What a thread is called for: `first` is its number, not a pointer, and most often it has one."""
    work = _work_at(work)
    for thread in range(first[0], first[0] + count[0]):
        if work.cuts:
            lo, hi = words_at(work.cuts)[thread], words_at(work.cuts)[thread + 1]
        else:
            units = work.last - work.first
            lo = work.first + units * thread // work.threads
            hi = work.first + units * (thread + 1) // work.threads
        tile = work.tile + thread * work.tile_bytes
        arguments = (
            work.x,
            work.v,
            work.y,
            work.dy,
            tile,
            work.memo,
            work.temperatures,
            work.job,
            work.lines,
        )
        if work.phase == WHOLE:
            take_groups(work.kernel, work.merging, arguments, work.blocks, work.labelled, lo, hi)
        else:
            call(work.kernel, arguments, work.phase, lo, hi)


@cache
def part() -> int:
    """The address of `_take_part`."""
    words = types.CPointer(types.intp)
    signature = types.void(words, words, words, types.intp)
    return int(cfunc(signature, error_model="numpy")(_take_part).address)


@intrinsic
def share(typing, parallel_for, part, work, threads):
    """Let the threads of Numba's layer, whose `parallel_for` this is, take their parts."""

    def generate(context, builder, signature, args):
        address, function, data, count = args
        pointer, word, number = ir.IntType(8).as_pointer(), ir.IntType(64), ir.IntType(32)
        words = word.as_pointer()
        kinds = [pointer, words, words, words, pointer, word, word, number]
        kind = ir.FunctionType(ir.VoidType(), kinds)
        # As for a universal function of one argument, which begins at 0 and goes on by 1.
        with builder.goto_entry_block():
            places = [builder.alloca(word) for _ in range(3)]
        for place, value in zip(places, (word(0), count, word(1)), strict=True):
            builder.store(value, place)
        builder.call(
            builder.inttoptr(address, kind.as_pointer()),
            [
                builder.inttoptr(function, pointer),
                *places,
                builder.inttoptr(data, pointer),
                word(0),
                word(1),
                builder.trunc(count, number),
            ],
        )
        return context.get_dummy_value()

    return types.void(parallel_for, part, work, threads), generate


class Work(NamedTuple):
    """What threads share, but for the phase and the units of it; as in `WORK`."""

    kernel: int
    merging: int
    pointers: tuple[int, ...]  # from x to lines
    blocks: int
    labelled: bool
    tile_bytes: int
    threads: int


def run(work: Work, phase: int, units: int, numbers: int) -> None:
    """Do a phase of units that hold so many numbers, in slices."""
    for lo, hi in slices.cut(units, numbers):
        run_slice(work, phase, lo, hi)


def run_slice(work: Work, phase: int, lo: int, hi: int, cuts: int = 0) -> None:
    """Do a phase of the units from lo to hi."""
    kernel, merging, pointers, blocks, labelled, tile_bytes, threads = work
    rest = phase, lo, hi, blocks, labelled, tile_bytes, threads, cuts
    record = np.array([(kernel, merging, *pointers, *rest)], WORK)
    forks.enter(_take_parts, record, threads, threads=threads)


def _take_parts(record: Any, parts: int, threads: int) -> None:
    """Let so many threads take the parts of the work in a record."""
    word = ctypes.c_ssize_t * 1
    numbers = word(0), word(parts), word(1)
    if threads == 1:
        _alone()(*numbers, data_of(record))
    else:
        _parallel()(part(), *numbers, data_of(record), 0, 1, threads)


_WORD, _WORDS = ctypes.c_ssize_t, ctypes.POINTER(ctypes.c_ssize_t)
_PART = _WORDS, _WORDS, _WORDS, ctypes.c_void_p


@cache
def _alone() -> Callable[..., None]:
    """`_take_part`; it runs without the GIL."""
    return ctypes.CFUNCTYPE(None, *_PART)(part())


@cache
def _parallel() -> Callable[..., None]:
    kinds = ctypes.c_void_p, *_PART, _WORD, _WORD, ctypes.c_int
    return ctypes.CFUNCTYPE(None, *kinds)(parallel_for())
