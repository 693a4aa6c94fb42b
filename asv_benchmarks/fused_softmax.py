"""Softmax of rows as a Triton program, one for each row."""

from typing import Any

import triton
import triton.language as tl


@triton.jit
def _softmax_of_row(y, x, n, stride, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    columns = tl.arange(0, BLOCK)
    inside = columns < n
    start = tl.program_id(0).to(tl.int64) * stride
    row = tl.load(x + start + columns, mask=inside, other=-float("inf")).to(tl.float32)
    e = tl.exp(row - tl.max(row, axis=0))
    tl.store(y + start + columns, e / tl.sum(e, axis=0), mask=inside)


def softmax(x: Any, y: Any) -> None:
    rows, n = x.shape
    block = triton.next_power_of_2(n)
    warps = min(max(block // 256, 4), 16)
    _softmax_of_row[(rows,)](y, x, n, x.stride(0), BLOCK=block, num_warps=warps)
