"""Work shared by threads: those of the layer that Numba runs its own on."""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.extending import intrinsic

from . import slices
from .caching import cfunc
from .calling import POINTERS, call, take_groups
from .objects import at_address, words_at
from .row import FOLD, LABEL, MAP, MERGE, WHOLE
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
        places = []
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


def run(
    kernel: int,
    merging: int,
    pointers: tuple[int, ...],
    phase: int,
    units: int,
    numbers: int,
    *rest: Any,
) -> None:
    """Run a kernel on units that hold so many numbers, in slices; the rest is as of `run_slice`."""
    for lo, hi in slices.cut(units, numbers):
        run_slice(kernel, merging, pointers, phase, lo, hi, *rest)


def run_slice(
    kernel: int,
    merging: int,
    pointers: tuple[int, ...],
    phase: int,
    lo: int,
    hi: int,
    blocks: int,
    labelled: bool,
    tile_bytes: int,
    threads: int,
    cuts: int = 0,
) -> None:
    """Run a kernel on the units from lo to hi, each argument as in `WORK`."""
    if threads > 1:
        rest = phase, lo, hi, blocks, labelled, tile_bytes, threads, cuts
        work = np.array([(kernel, merging, *pointers, *rest)], WORK)
        word = ctypes.c_ssize_t * 1
        _parallel()(part(), word(0), word(threads), word(1), work.ctypes.data, 0, 1, threads)
        return
    take = _function(kernel)
    if phase != WHOLE or blocks == 1:
        take(*pointers, phase, lo, hi)
        return
    for group in range(lo, hi):
        take(*pointers, FOLD, group * blocks, (group + 1) * blocks)
        _function(merging)(*pointers, MERGE, group, group + 1)
        take(*pointers, MAP, group * blocks, (group + 1) * blocks)
        if labelled:
            take(*pointers, LABEL, group, group + 1)


@cache
def _function(address: int) -> Callable[..., None]:
    """The kernel at an address; it runs without the GIL."""
    kinds = [ctypes.c_void_p] * POINTERS + [ctypes.c_ssize_t] * 3
    return ctypes.CFUNCTYPE(None, *kinds)(address)


@cache
def _parallel() -> Callable[..., None]:
    word, words = ctypes.c_ssize_t, ctypes.POINTER(ctypes.c_ssize_t)
    kinds = ctypes.c_void_p, words, words, words, ctypes.c_void_p, word, word, ctypes.c_int
    return ctypes.CFUNCTYPE(None, *kinds)(parallel_for())
