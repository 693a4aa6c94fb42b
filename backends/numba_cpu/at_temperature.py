"""exp(x/t) of a row's numbers over a power of two: of one vector, of four, and of the maximum."""

from numba.extending import overload

from .elementary import REACH, exp, exp_base, exp_over, exp_pair, scaled, times_pair, two_diff
from .part import PART
from .row import anchor, exponent_rate
from .shuffles import four_of, together
from .simd import apart, fma, inline, loop, maximum, select, splat, vectors_fill_registers


@inline
def shifted(x, m, row):
    """(x - m)/t as a rounded number and its error."""
    d, error = two_diff(x, m)
    rate, rate_error = exponent_rate(row)
    q = d * rate
    return q, fma(d, rate, q * -1.0) + fma(d, rate_error, error * rate)


@inline
def is_far(m, row):
    """Where m/t is beyond the reach of exp.

    There m is subtracted first: x - m is exact for every x that matters, for those lie close to m.
    """
    q = m * exponent_rate(row)[0]
    return maximum(q, q * -1.0) > REACH(m)


@inline
def _origin(like, row):
    """What x is measured from."""
    return select(is_far(like, row), like, splat(like, 0.0))


@inline
def argument(x, row, like):
    """The argument of exp, as a rounded number and its error: (x - like)/t where like is far, or x/t."""
    return times_pair(x - _origin(like, row), exponent_rate(row))


@inline
def base_of(like, row):
    return exp_base(argument(like, row, like)[0])


@inline
def scaled_by(base, like, row):
    """What `exp_of` takes beside the base: what x is measured from, its scale, and the base for that."""
    return _origin(like, row), *scaled(exponent_rate(row), base)


@inline
def exp_of(number, base, over, near):
    """exp(number / t) over the base, with `over` of `scaled_by`; `near`: t is 1, and like is not far."""
    if near:
        return exp(number, base)
    origin, scale, scaled_base = over
    return exp_over(number - origin, scale, scaled_base)


def exp_of_four(numbers, base, over, near):
    """The same of four vectors, in turns where they fill registers; chosen by those, see below."""


@overload(exp_of_four, jit_options={"forceinline": True, **PART})
def _exp_by_registers(numbers, base, over, near):
    return _exp_in_turns if vectors_fill_registers() else _exp_one_by_one


def _exp_in_turns(numbers, base, over, near):
    origin, scale, scaled_base = over
    each = _for_each(origin), _pair_for_each(scale), _pair_for_each(scaled_base)
    return four_of(exp_of(together(numbers), _pair_for_each(base), each, near))


@inline
def _for_each(x):
    return together((x, x, x, x))


@inline
def _pair_for_each(pair):
    return _for_each(pair[0]), _for_each(pair[1])


def _exp_one_by_one(numbers, base, over, near):
    a, b, c, d = numbers
    a, b = exp_of(a, base, over, near), exp_of(b, base, over, near)
    return a, b, exp_of(c, base, over, near), exp_of(d, base, over, near)


@inline
def exp_of_max(m, like, row):
    """e of the maximum as `exp_sum` adds it up, and as a pair, unrounded."""
    base = base_of(like, row)
    q, error = argument(anchor(m), row, like)
    return exp_of(anchor(m), base, scaled_by(base, like, row), False), exp_pair(q, error, base)


@loop
def share_of_max(m, like, row):
    """e of the maximum as a pair."""
    apart()
    return exp_of_max(m, like, row)[1]
