"""Results may go where inputs lie: they are right, and where they cannot be, an error says so."""

import numpy as np
import pytest
from arrays import VALUES, WHERE, U, X, call
from every_call import WITH_OUT

import softkern

JVPS = tuple(f"{name}_jvp" for name in VALUES)
inf = np.inf


@pytest.fixture(params=["numpy", "cupy"])
def library(request):
    return np if request.param == "numpy" else request.getfixturevalue("cupy")


def host(a):
    return a if isinstance(a, (np.ndarray, np.generic)) else a.get()


def assert_equal(results, expected):
    for a, b in zip(results, expected, strict=True):
        np.testing.assert_array_equal(host(a), host(b))


PLACES = {
    **{f"{step:+}": lambda room, step=step: room.at(step) for step in (0, 1, 2, -1, -3)},
    "a row on": lambda room: room.at(room.shape[-1]),
    "a row before": lambda room: room.at(-room.shape[-1]),
    "rows reversed": lambda room: room.array[:, ::-1],
    "columns reversed": lambda room: room.array[::-1],
    "all reversed": lambda room: room.array[::-1, ::-1],
}


class Room:
    """A copy of an array, with as much room on both sides of it."""

    def __init__(self, library, a):
        self.size, self.shape = a.size, a.shape
        self.memory = library.zeros(3 * a.size, a.dtype)
        self.array = self.at(0)
        self.array[...] = library.asarray(a)

    def at(self, step):
        return self.memory[self.size + step : 2 * self.size + step].reshape(self.shape)

    def place(self, name, shape):
        """An array of this shape over that one."""
        a = PLACES[name](self)
        return a if shape == self.shape else a.reshape(-1)[: shape[0]]


@pytest.mark.parametrize("name", WITH_OUT)
@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize(("shape", "axis"), [((3, 5), 1), ((9, 9), 0), ((3, 100), 1)])
def test_out_over_an_input(library, name, dtype, shape, axis):
    operation = WITH_OUT[name]
    x, u = np.random.default_rng(0).normal(0, 3, (2, *shape)).astype(dtype)
    expected = operation(library.asarray(x), library.asarray(u), axis)
    for over in ("x",) if name in VALUES else ("x", "u"):
        for k in range(len(expected)):
            for place in PLACES:
                rooms = {"x": Room(library, x), "u": Room(library, u)}
                out = [library.empty_like(a) for a in expected]
                out[k] = rooms[over].place(place, expected[k].shape)
                results = operation(
                    rooms["x"].array,
                    rooms["u"].array,
                    axis,
                    out=tuple(out) if k or out[1:] else out[0],
                )
                assert_equal(results, expected)


@pytest.mark.parametrize("name", JVPS)
@pytest.mark.parametrize("n", [4, 100])
@pytest.mark.parametrize("options", [{}, {"temperature": inf}, {"where": True}])
def test_output_is_read_before_out_is_written(library, name, n, options):
    x, v = (library.asarray(np.resize(a, (3, n))) for a in (X, U))
    if "where" in options:
        options = {"where": library.asarray(np.resize(WHERE, (3, n)))}
    value = host(getattr(softkern, name.removesuffix("_jvp"))(x, 1, **options)).reshape(3, -1)
    shape = value.shape if name != "logsumexp_jvp" else (3,)
    derivative = getattr(softkern, name)
    expected = derivative(x, v, 1, output=library.asarray(value).reshape(shape), **options)
    for k in (0, 1):
        for place in ("+0", "+1", "-1"):
            room = Room(library, value)
            out = [library.empty(shape), library.empty(shape)]
            out[k] = room.place(place, value.shape).reshape(shape)
            output = room.array.reshape(shape)
            assert_equal(derivative(x, v, 1, output=output, out=tuple(out), **options), expected)


@pytest.mark.parametrize("name", JVPS)
@pytest.mark.parametrize("options", [{}, {"temperature": 0.5}, {"temperature": inf}])
def test_two_results_have_no_room_in_one(library, name, options):
    x, u = library.asarray(X), library.asarray(U)
    results = call(softkern, name, x, u, 1, **options)
    size, shape = results[0].size, results[0].shape
    memory = library.zeros(2 * size)
    first = memory[:size].reshape(shape)
    for step in (0, 1):
        with pytest.raises(ValueError, match="out"):
            call(softkern, name, x, u, 1, out=(first, memory[step : size + step].reshape(shape)))
    assert (host(memory) == 0).all()
    alternating = memory.reshape(*shape, 2)
    out = alternating[..., 0], alternating[..., 1]
    assert_equal(call(softkern, name, x, u, 1, out=out, **options), results)


def test_the_pair_with_the_sign_has_no_room_in_one(library):
    x, out = library.asarray(X), library.zeros(3)
    with pytest.raises(ValueError, match="out"):
        softkern.logsumexp(x, 1, return_sign=True, out=(out, out))


def test_out_over_the_mask_or_the_temperatures(library):
    x = library.asarray(np.abs(np.resize(X, (4, 4))))
    mask = np.resize(WHERE, (4, 4))
    out = library.zeros((4, 4))
    where = out.view(bool)[:, :4]
    where[...] = library.asarray(mask)
    expected = softkern.softmax(x, 1, where=library.asarray(mask))
    assert_equal([softkern.softmax(x, 1, where=where, out=out)], [expected])
    t = x[1] + 1
    expected = softkern.softmax(x, 1, temperature=t)
    out[0] = t
    assert_equal([softkern.softmax(x, 1, temperature=out[0], out=out)], [expected])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["softmin", "logcumsumexp"])
def test_relatives(name, place):
    room = Room(np, X)
    expected = getattr(softkern, name)(X, 1)
    assert_equal(
        [getattr(softkern, name)(room.array, 1, out=room.place(place, X.shape))], [expected]
    )
