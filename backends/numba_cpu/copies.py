"""Between memory and tiles: lines of numbers copied, short rows transposed."""

import math

from .lines import load_few_lines, load_lines, load_parts, store_lines, store_parts
from .memory import (
    load,
    load_first,
    load_one,
    prefetch,
    prefetch_to_write,
    store,
    store_first,
    store_one,
    stream,
    to_alignment,
)
from .shuffles import PARTS, transposed, transposed_parts
from .simd import apart, inline, lanes, loop, maximum, splat


@loop
def copy_in(source, start, stride, tile, length, fill):
    """`length` numbers from source[start:] -> the tile, padded; their largest in each lane."""
    apart()
    width, padding = lanes(tile), splat(tile, fill)
    largest = splat(tile, -math.inf)
    i = 0
    if stride == 1:
        while i + width <= length:
            x = load(source, start + i)
            store(tile, i, x)
            largest = maximum(x, largest)
            i += width
        if i < length:
            x = load_first(source, start + i, length - i, padding)
            store(tile, i, x)
            largest = maximum(x, largest)
        return largest
    if length % width:
        store(tile, length - length % width, padding)
    for i in range(length):
        store_one(tile, i, load_one(source, start + i * stride))
    for i in range(0, length, width):
        largest = maximum(load(tile, i), largest)
    return largest


@loop
def copy_out(tile, out, start, stride, length, past):
    """`length` numbers from the tile -> out[start:], `past` the cache if wanted."""
    apart()
    width = lanes(tile)
    i = 0
    if stride != 1:
        for i in range(length):
            store_one(out, start + i * stride, load_one(tile, i))
        return
    if past:
        i = min(length, to_alignment(out, start))
        if i > 0:
            store_first(out, start, i, load(tile, 0))
        while i + width <= length:
            stream(out, start + i, load(tile, i))
            i += width
    else:
        while i + width <= length:
            store(out, start + i, load(tile, i))
            i += width
    if i < length:
        store_first(out, start + i, length - i, load(tile, i))


@loop
def columns_in(source, start, axis, used, size, tile, pitch, fill, ahead):
    """`size` lines of `used` numbers, `axis` apart -> the tile, padded; those `ahead` are fetched."""
    apart()
    width, padding = lanes(tile), splat(tile, fill)
    whole = used - used % width
    for k in range(size):
        place, line = start + k * axis, k * pitch
        for i in range(0, whole, width):
            prefetch(source, place + i + ahead)
            store(tile, line + i, load(source, place + i))
        if whole < used:
            rest = load_first(source, place + whole, used - whole, padding)
            store(tile, line + whole, rest)


@loop
def columns_out(tile, pitch, used, size, out, start, axis, ahead):
    """The tile -> `size` lines of `used` numbers, `axis` apart; those `ahead` are fetched."""
    apart()
    width = lanes(tile)
    whole = used - used % width
    for k in range(size):
        place, line = start + k * axis, k * pitch
        for i in range(0, whole, width):
            prefetch_to_write(out, place + i + ahead)
            store(out, place + i, load(tile, line + i))
        if whole < used:
            store_first(out, place + whole, used - whole, load(tile, line + whole))


@inline
def _in_squares(n, width):
    """How many of n numbers are transposed by squares. Where the last would stay in part empty, it goes by parts;
    with few lanes a square is as fast.
    """
    rest = n % width
    return n - rest if width == 16 and rest <= 12 else n


@loop
def transpose_in(source, start, stride, used, n, tile, pitch, fill):
    """`used` rows of n numbers, `stride` apart -> columns of the tile, padded."""
    apart()
    width, padding = lanes(tile), splat(tile, fill)
    part, squares = width // PARTS, _in_squares(n, width)
    for row in range(0, used, width):
        at, left = start + row * stride, used - row
        for k in range(0, squares, width):
            here = min(n - k, width)
            square = load_lines(source, at + k, stride, left, here, padding)
            store_lines(tile, k * pitch + row, pitch, here, width, transposed(square))
        for k in range(squares, n, part):
            here = min(n - k, part)
            columns = transposed_parts(load_parts(source, at + k, stride, left, here))
            store_lines(tile, k * pitch + row, pitch, here, width, columns)


@loop
def transpose_out(tile, pitch, used, n, out, start, stride):
    """Columns of the tile -> `used` rows of n numbers, `stride` apart."""
    apart()
    width, padding = lanes(tile), splat(tile, 0.0)
    part, squares = width // PARTS, _in_squares(n, width)
    for row in range(0, used, width):
        at, left = start + row * stride, used - row
        for k in range(0, squares, width):
            here = min(n - k, width)
            square = load_lines(tile, k * pitch + row, pitch, here, width, padding)
            store_lines(out, at + k, stride, left, here, transposed(square))
        for k in range(squares, n, part):
            here = min(n - k, part)
            columns = load_few_lines(tile, k * pitch + row, pitch, here, width, padding)
            store_parts(out, at + k, stride, left, here, transposed_parts(columns))


@inline
def fetch(x, start, count):
    """Ask for as many vectors of x; none need be there."""
    for k in range(count):
        prefetch(x, start + k * lanes(x))


@inline
def fetch_to_write(y, start, count):
    """Likewise, to write them."""
    for k in range(count):
        prefetch_to_write(y, start + k * lanes(y))


@inline
def fetch_ends(y, start, step, count, length):
    """Ask for the cache lines where lines of results begin and end: only whole ones go past the cache."""
    for k in range(count):
        prefetch_to_write(y, start + k * step)
        prefetch_to_write(y, start + k * step + length)
