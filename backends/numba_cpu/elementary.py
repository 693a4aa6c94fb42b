"""exp and log on vectors, and error-free sums.

In float64, and wherever its rounding error is wanted, exp(x) is 2**k exp(r), for which r is known beyond
its last digit (Cody and Waite): an error of at most about 0.94 ulp. In float32 it is 2**k 2**f with k + f =
x log2(e), of fewer operations: about 1.2 ulp. log follows fdlibm in float64, and is a pair in float32.
Polynomials are minimax fits of relative error (Remez).
"""

import math

from numba import types
from numba.extending import overload

from .part import PART
from .simd import (
    constant,
    exponent_from_low_bits,
    fma,
    inline,
    narrow,
    polynomial,
    select,
    splat,
    split_exponent,
    widen,
)

F32, F64 = types.float32, types.float64

# exp is computed times 2**SCALE: then it is a normal number down to the lowest argument, and what
# is too small for the result underflows once and rightly, in the caller's last multiplication.
SCALE = {F32: 32, F64: 128}
scale_down = constant({F32: 2.0**-32, F64: 2.0**-128})
DEPTH = constant({F32: 109.0, F64: 796.0})
# By how much an argument may exceed what the base was made for, with room for a sum of 2**15.
HEADROOM = constant({F32: 48.0, F64: 600.0})

# What a sum may be off, in so many of its places.
FEW_PLACES = constant({F32: 2.0**-18, F64: 2.0**-47})

# Added to a number, this rounds it to a whole one, and leaves that plus the exponent's bias and SCALE in
# the low bits. The number may be as large as REACH.
_SHIFT = constant({F32: 1.5 * 2.0**23 + 127 + SCALE[F32], F64: 1.5 * 2.0**52 + 1023 + SCALE[F64]})
REACH = constant({F32: 2.0**20, F64: 2.0**40})
_LOG2E = constant({F32: 1.4426950216293335, F64: math.log2(math.e)})
_LOG2E_LAST = constant({F32: 1.925963033500011e-08})
_POWER_OF_2 = polynomial(
    {
        F32: [
            1.0,
            0.6931471824645996,
            0.24022647738456726,
            0.05550331994891167,
            0.00961843878030777,
            0.0013399003073573112,
            0.00015353257185779512,
        ],
    }
)
_MINUS_LN2_HIGH = constant({F32: -0.693147182464599609375, F64: -0.6931471805599453})
_MINUS_LN2_LOW = constant({F32: 1.9046542121259336e-09, F64: -2.3190468138462996e-17})
# Few enough bits for k * _LN2_FIRST.
_LN2_FIRST = constant({F32: 6.9313812256e-01, F64: 6.93147180369123816490e-01})
_LN2_LAST = constant({F32: 9.0580006145e-06, F64: 1.90821492927058770002e-10})
# (exp(r) - 1 - r) / r**2, the even and the odd powers of r apart, in r**2: two chains, each half as long.
_EXP_EVEN = polynomial(
    {
        F32: [0.4999999403953552, 0.04166838899254799, 0.0013814540579915047],
        F64: [
            0.5000000000000011,
            0.04166666666652973,
            0.0013888888943759305,
            2.480149295022626e-05,
            2.76303060595026e-07,
        ],
    }
)
_EXP_ODD = polynomial(
    {
        F32: [0.1666652113199234, 0.00836874544620514],
        F64: [
            0.1666666666666641,
            0.008333333333494976,
            0.0001984126950577846,
            2.755758679792906e-06,
            2.500002123942015e-08,
        ],
    }
)
_LOG_TAIL = polynomial(  # ((log(1 + s) - log(1 - s)) / s - 2) / s**2, in s**2
    {
        F64: [
            6.666666666666735130e-01,
            3.999999999940941908e-01,
            2.857142874366239149e-01,
            2.222219843214978396e-01,
            1.818357216161805012e-01,
            1.531383769920937332e-01,
            1.479819860511658591e-01,
        ]
    }
)
_LOG_REST = polynomial(  # (log(1 + f) - f + f**2 / 2) / f**3
    {
        F32: [
            0.3333331346511841,
            -0.25000008940696716,
            0.20002074539661407,
            -0.16667994856834412,
            0.14220264554023743,
            -0.12405996024608612,
            0.11884178221225739,
            -0.11672236025333405,
            0.06750480085611343,
        ]
    }
)


@inline
def two_sum(a, b):
    """a + b as a rounded sum and its error (Knuth)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@inline
def _fast_two_sum(a, b):
    """The same where a is 0 or the larger one (Dekker)."""
    s = a + b
    return s, b - (s - a)


@inline
def two_diff(a, b):
    """a - b as a rounded difference and its error."""
    d = a - b
    t = d - a
    return d, (a - (d - t)) - (b + t)


@inline
def pair_of(x, like):
    """A float64 number as one of the type of `like` and its rounding error."""
    high = narrow(x, like)
    return high, narrow(x - widen(high), like)


@inline
def add_pairs(a, b):
    """The sum of two numbers that are each a rounded sum and its error."""
    s, error = two_sum(a[0], b[0])
    return s, error + (a[1] + b[1])


@inline
def multiply_pairs(a, b):
    product = a[0] * b[0]
    error = fma(a[0], b[0], product * -1.0)
    return product, error + (a[0] * b[1] + a[1] * b[0])


@inline
def times_pair(x, pair):
    """x times a pair, as a rounded number and its error."""
    product = x * pair[0]
    return product, fma(x, pair[1], fma(x, pair[0], product * -1.0))


@inline
def divide_pairs(a, b):
    quotient = a[0] / b[0]
    rest = fma(quotient * -1.0, b[0], a[0])
    return quotient, (rest + (a[1] - quotient * b[1])) / b[0]


@inline
def accumulate(total, x):
    """total + x, where the total is a pair."""
    s, error = two_sum(total[0], x)
    return s, total[1] + error


@inline
def exp_base(q):
    """The base that `exp` wants for arguments up to q: exp is then taken over 2**k, close to exp(q).

    Dividing by a power of two is exact, where subtracting q from the argument is not. With it goes the
    lowest argument: exp of what is below it is 0.
    """
    k = fma(q, _LOG2E(q), _SHIFT(q)) - _SHIFT(q)
    return _SHIFT(q) - k, q - DEPTH(q)


def exp(x, base):
    """exp(x) * 2**(SCALE - k); NaN stays NaN; chosen by type."""


def scaled(rate, base):
    """What `exp_over` takes x times, of a rate that is a pair, and its base; chosen by type."""


def exp_over(x, scale, base):
    """exp(x/t) * 2**(SCALE - k), with scale and base of `scaled`; chosen by type."""


_chosen = {"jit_options": {"forceinline": True, **PART}}


@overload(exp, **_chosen)
def _exp_by_type(x, base):
    if x.element == F32:
        return lambda x, base: _by_powers_of_2(x, (_LOG2E(x), _LOG2E_LAST(x)), base)
    return lambda x, base: _by_powers_of_e(x, splat(x, -0.0), base)


@overload(scaled, **_chosen)
def _scaled_by_type(rate, base):
    if rate[0].element == F32:
        return _scaled_to_powers_of_2
    return lambda rate, base: (rate, base)


def _scaled_to_powers_of_2(rate, base):
    log2_e = _LOG2E(rate[0]), _LOG2E_LAST(rate[0])
    return multiply_pairs(rate, log2_e), (base[0], base[1] / rate[0])


@overload(exp_over, **_chosen)
def _exp_over_by_type(x, scale, base):
    if x.element == F32:
        return lambda x, scale, base: _by_powers_of_2(x, scale, base)
    return _over_t


def _over_t(x, scale, base):
    q, error = times_pair(x, scale)
    return _by_powers_of_e(q, error, base)


@inline
def _by_powers_of_2(x, scale, base):
    """2**(x times scale), of a fraction f and a whole number."""
    shifted = fma(x, scale[0], base[0])
    f = fma(x, scale[1], fma(x, scale[0], base[0] - shifted))
    return select(x < base[1], splat(x, 0.0), _POWER_OF_2(f) * exponent_from_low_bits(shifted))


@inline
def _by_powers_of_e(x, error, base):
    """exp(x + error)."""
    high, tail, power = _parts(x, error, base)
    return select(x < base[1], splat(x, 0.0), (1.0 + (high + tail)) * power)


@inline
def _parts(x, error, base):
    """high, tail and power of exp(x + error) * 2**(SCALE - k) = (1 + (high + tail)) * power."""
    shifted = fma(x, _LOG2E(x), base[0])
    k = shifted - base[0]
    high = fma(k, _MINUS_LN2_HIGH(x), x)
    low = fma(k, _MINUS_LN2_LOW(x), error)
    r = high + low
    square = r * r
    tail = fma(square, fma(r, _EXP_ODD(square), _EXP_EVEN(square)), low)
    return high, tail, exponent_from_low_bits(shifted)


@inline
def exp_pair(x, error, base):
    """exp(x + error) * 2**(SCALE - k) as a rounded number and its error."""
    high, tail, power = _parts(x, error, base)
    rounded = 1.0 + high
    tail = (high - (rounded - 1.0)) + tail
    p = rounded + tail
    zero, too_low = splat(x, 0.0), x < base[1]
    return select(too_low, zero, p * power), select(too_low, zero, (tail - (p - rounded)) * power)


def log(total):
    """log of a pair, 0 or at least 1, as a pair, accurate also near 1; chosen by type."""


@overload(log, **_chosen)
def _log_by_type(total):
    if total[0].element == F32:
        return lambda total: _log_float32(total[0], total[1])
    return lambda total: (log_float64(total[0], total[1]), splat(total[0], 0.0))


@inline
def _log_float32(s, c):
    """To four bits more than float32 has."""
    k, power = split_exponent(s)
    f, f_error = fma(s, power, splat(s, -1.0)), c * power
    square = f * f
    half = 0.5 * square
    high, error = _fast_two_sum(f, half * -1.0)
    error = error - fma(0.5 * f, f, half * -1.0)
    error = fma(f_error, square - f, f_error) + error  # f_error / (1 + f), but for its last digits
    high, rest = _fast_two_sum(k * _LN2_FIRST(s), high)
    rest = rest + fma(f * square, _LOG_REST(f), fma(k, _LN2_LAST(s), error))
    high, rest = _fast_two_sum(high, rest)
    zero = splat(s, 0.0)
    return select(s == 0.0, splat(s, -math.inf), high), select(s == 0.0, zero, rest)


@inline
def log_float64(s, c):
    """log(s + c), 0 or at least 1, accurate also near 1."""
    u, error = two_sum(s, c)
    k, power = split_exponent(u)
    f = fma(u, power, splat(s, -1.0))
    ratio = f / (f + 2.0)
    square = ratio * ratio
    half = 0.5 * f * f
    low = fma(k, _LN2_LAST(s), error / u) - fma(0.5 * f, f, half * -1.0)
    rest = half - (ratio * (half + square * _LOG_TAIL(square)) + low)
    return select(u == 0.0, splat(s, -math.inf), k * _LN2_FIRST(s) + (f - rest))
