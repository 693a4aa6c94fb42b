"""Calls of kernels at their addresses."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .row import FOLD, LABEL, MAP, MERGE, WHOLE
from .simd import inline

POINTERS = 9  # x, v, y, dy, tile, memo, temperatures, job, lines


@intrinsic
def call(typing, kernel, arguments, phase, lo, hi):
    """Call the kernel at an address with nine pointers, a phase, and a range of units."""

    def generate(context, builder, signature, args):
        address, pointers, *numbers = args
        pointer, word = ir.IntType(8).as_pointer(), ir.IntType(64)
        function_type = ir.FunctionType(ir.VoidType(), [pointer] * POINTERS + [word] * 3)
        function = builder.inttoptr(address, function_type.as_pointer())
        unpacked = [
            builder.inttoptr(builder.extract_value(pointers, i), pointer) for i in range(POINTERS)
        ]
        builder.call(function, unpacked + numbers)
        return context.get_dummy_value()

    return types.void(kernel, arguments, phase, lo, hi), generate


@inline
def take_groups(kernel, merging, arguments, blocks, labelled, lo, hi):
    """Whole groups, one after the other."""
    if blocks == 1:
        call(kernel, arguments, WHOLE, lo, hi)
        return
    for group in range(lo, hi):
        call(kernel, arguments, FOLD, group * blocks, (group + 1) * blocks)
        call(merging, arguments, MERGE, group, group + 1)
        call(kernel, arguments, MAP, group * blocks, (group + 1) * blocks)
        if labelled:
            call(kernel, arguments, LABEL, group, group + 1)
