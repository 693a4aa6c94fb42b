"""The edge cases of softkern's promise, each with the result it must have."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import softkern as sk

inf, nan = np.inf, np.nan


class Edge(NamedTuple):
    case: str
    got: str
    wanted: str
    holds: bool


Case = tuple[str, Callable[[], Any], Any]


def edges() -> Iterator[Edge]:
    """Try every case."""
    for case, call, wanted in _cases():
        try:
            got: Any = call()
        except Exception as error:  # noqa: BLE001 - whatever was raised is what the case found
            got = type(error)
        yield Edge(case, _text(got), _text(wanted), _same(got, wanted))


def _cases() -> list[Case]:
    return [*_infinities(), *_hidden(), *_shapes(), *_dtypes(), *_temperatures(), *_refusals()]


def _infinities() -> list[Case]:
    lost, high, unknown = np.full(3, -inf), np.array([0, inf, 1]), np.array([0, nan, 1])
    one = np.ones(3)
    return [
        ("all -inf: softmax", lambda: sk.softmax(lost), [nan, nan, nan]),
        ("all -inf: log_softmax", lambda: sk.log_softmax(lost), [nan, nan, nan]),
        ("all -inf: logsumexp", lambda: sk.logsumexp(lost), -inf),
        ("all -inf: logsumexp_jvp", lambda: sk.logsumexp_jvp(lost, one)[1], 0),
        ("all -inf: logsumexp_vjp", lambda: sk.logsumexp_vjp(lost, 1.0), [0, 0, 0]),
        ("+inf: softmax", lambda: sk.softmax(high), [nan, nan, nan]),
        ("+inf: log_softmax", lambda: sk.log_softmax(high), [nan, nan, nan]),
        ("+inf: logsumexp", lambda: sk.logsumexp(high), inf),
        ("NaN: softmax", lambda: sk.softmax(unknown), [nan, nan, nan]),
        ("NaN: log_softmax", lambda: sk.log_softmax(unknown), [nan, nan, nan]),
        ("NaN: logsumexp", lambda: sk.logsumexp(unknown), nan),
    ]


def _hidden() -> list[Case]:
    x, seen, none = np.array([7, nan, 7]), np.array([True, False, True]), np.zeros(3, bool)
    return [
        ("where: softmax", lambda: sk.softmax(x, where=seen), [0.5, 0, 0.5]),
        ("where: log_softmax", lambda: sk.log_softmax(x, where=seen)[1], -inf),
        ("where: logsumexp", lambda: sk.logsumexp(x, where=[False, False, True]), 7),
        ("where: softmax_vjp", lambda: sk.softmax_vjp(x, x, where=seen), [0, 0, 0]),
        ("nothing left: softmax", lambda: sk.softmax(x, where=none), [0, 0, 0]),
        ("nothing left: log_softmax", lambda: sk.log_softmax(x, where=none), [-inf] * 3),
        ("nothing left: logsumexp", lambda: sk.logsumexp(x, where=none), -inf),
        ("b = 0 hides NaN: logsumexp", lambda: sk.logsumexp(x, b=np.array([0, 0, 1])), 7),
    ]


def _shapes() -> list[Case]:
    empty = np.zeros((2, 0))
    rows = np.array([[1.0, 1, 5], [2, 2, 5]])
    return [
        ("empty axis: softmax", lambda: sk.softmax(empty, axis=1), empty),
        ("empty axis: logsumexp", lambda: sk.logsumexp(empty, axis=1), [-inf, -inf]),
        ("empty axis: sign", lambda: sk.logsumexp(empty, axis=1, return_sign=True)[1], [0, 0]),
        ("0-d: softmax", lambda: sk.softmax(np.array(3.0), axis=-1), 1),
        ("0-d: log_softmax", lambda: sk.log_softmax(np.array(3.0), axis=0), 0),
        ("0-d: logsumexp", lambda: sk.logsumexp(np.array(3.0), keepdims=True), 3),
        ("slice: softmax", lambda: sk.softmax(rows[:, 1::-1], axis=1), [[0.5, 0.5]] * 2),
        ("Fortran order: softmax", lambda: sk.softmax(rows.T[:2], axis=0), [[0.5] * 2] * 2),
        ("two axes: logsumexp", lambda: sk.logsumexp(np.full((2, 1, 3), 4.0), (0, 1)).shape, [3]),
    ]


def _dtypes() -> list[Case]:
    small = np.array([0, 255], np.uint8)
    swapped = np.array([2, 2]).astype(np.dtype(float).newbyteorder())
    half = np.full(4, 60000, np.float16)
    return [
        ("uint8 does not wrap: logsumexp", lambda: sk.logsumexp(small), 255),
        (
            "int8 does not wrap: logsumexp",
            lambda: sk.logsumexp(np.array([-128, 127], np.int8)),
            127,
        ),
        ("bool: softmax", lambda: sk.softmax(np.array([True, True])), [0.5, 0.5]),
        ("other byte order: softmax", lambda: sk.softmax(swapped), [0.5, 0.5]),
        ("float16 does not overflow: logsumexp", lambda: sk.logsumexp(half), half[0]),
        ("float16 stays: softmax", lambda: sk.softmax(half).dtype == half.dtype, True),
    ]


def _temperatures() -> list[Case]:
    x = np.array([1, 3, 3, 2])
    return [
        ("temperature 0: softmax", lambda: sk.softmax(x, temperature=0), [0, 0.5, 0.5, 0]),
        ("temperature 0: logsumexp", lambda: sk.logsumexp(x, temperature=0), 3),
        ("temperature inf: softmax", lambda: sk.softmax(x, temperature=inf), [0.25] * 4),
        (
            "temperature 1e-300: softmax",
            lambda: sk.softmax(x, temperature=1e-300),
            [0, 0.5, 0.5, 0],
        ),
    ]


def _refusals() -> list[Case]:
    x = np.zeros((2, 3))
    masked = np.ma.masked_array(x, x == 0)
    no_axis: Any = 0.5
    return [
        ("no such axis", lambda: sk.softmax(x, axis=2), np.exceptions.AxisError),
        ("an axis twice", lambda: sk.softmax(x, axis=(0, -2)), ValueError),
        ("axis not an integer", lambda: sk.softmax(x, axis=no_axis), TypeError),
        ("temperature -1", lambda: sk.softmax(x, temperature=-1), ValueError),
        ("temperature NaN", lambda: sk.softmax(x, temperature=nan), ValueError),
        ("masked array", lambda: sk.softmax(masked), TypeError),
        ("strings", lambda: sk.softmax(np.array(["a"])), TypeError),
    ]


def _same(got: Any, wanted: Any) -> bool:
    if isinstance(got, type) or isinstance(wanted, type):
        return got is wanted
    return np.array_equal(np.asarray(got), np.asarray(wanted), equal_nan=True)


def _text(value: Any) -> str:
    return value.__name__ if isinstance(value, type) else str(np.asarray(value).tolist())
