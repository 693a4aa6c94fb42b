"""softkern's functions in the place of SciPy's, for the length of a block."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Lock
from types import ModuleType
from typing import Any

from ._api import log_softmax, logsumexp, softmax

Function = Callable[..., Any]
Place = tuple[ModuleType, str]

_OURS: dict[str, Function] = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "logsumexp": logsumexp,
}
_lock = Lock()
_blocks: Counter[Place] = Counter()  # how many blocks hold a global of a module replaced
_theirs: dict[Place, Function] = {}  # what it is outside of them


@contextmanager
def in_scipy(*modules: ModuleType) -> Iterator[None]:
    """Put softkern's functions in the place of SciPy's in a ``with`` block.

    There `softmax`, `log_softmax` and `logsumexp` of ``scipy.special`` are softkern's, and so are those
    of ``cupyx.scipy.special`` where that has been imported. Code written for SciPy runs unmodified
    if it looks them up when it calls them, as ``special.logsumexp(x)`` does.

    Parameters
    ----------
    *modules : module
        Modules that took the functions by name before, as by ``from scipy.special import logsumexp``:
        each of their globals that is one of SciPy's functions is replaced as well, whatever its name.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    ValueError
        If a module has none of SciPy's functions among its globals, so that nothing would change.

    See Also
    --------
    softmax, log_softmax, logsumexp : What is put there.

    Notes
    -----
    It holds for the whole process, all its threads, until the last block that asks for it has ended, be
    it by an exception. Other processes know of it only if they are forked in the block.

    It does not reach functions kept elsewhere than in a module's globals: in a class, a closure, a
    default argument, compiled code. A module that is first imported in the block, and takes the
    functions by name, keeps softkern's for good: import it before.

    SciPy turns whatever it is given into a NumPy array (unless ``SCIPY_ARRAY_API`` is set). softkern
    does not: an array of PyTorch, JAX or Dask gives a result of its own kind, and there is a `TypeError`
    that says what to pass instead for pandas and xarray, whose labels would be lost, for masked arrays
    and other subclasses of `numpy.ndarray`, and for sequences that are no list or tuple.

    Examples
    --------
    >>> import scipy.special
    >>> import softkern
    >>> with softkern.in_scipy():
    ...     print(scipy.special.softmax is softkern.softmax)
    True
    >>> print(scipy.special.softmax is softkern.softmax)
    False

    A module that holds the function by a name of its own:

    >>> import types
    >>> module = types.ModuleType("downstream")
    >>> module.lse = scipy.special.logsumexp
    >>> with softkern.in_scipy(module):
    ...     print(module.lse is softkern.logsumexp)
    True
    """
    with _lock:
        places = _places(modules)
        for place, ours in places:
            _replace(place, ours)
    try:
        yield
    finally:
        with _lock:
            for place, _ in places:
                _restore(place)


def _places(modules: tuple[ModuleType, ...]) -> list[tuple[Place, Function]]:
    """The globals to replace, and by what."""
    homes = [import_module("scipy.special")]
    if "cupyx.scipy.special" in sys.modules:
        homes.append(sys.modules["cupyx.scipy.special"])
    places = [((home, name), ours) for home in homes for name, ours in _OURS.items()]
    wanted = {id(_their(place)): ours for place, ours in places}
    for module in modules:
        held = ((module, name) for name in vars(module))
        found = [
            (place, wanted[id(_their(place))]) for place in held if id(_their(place)) in wanted
        ]
        if not found:
            raise ValueError(
                f"{module.__name__} has none of scipy.special's {', '.join(_OURS)} among its globals"
            )
        places += found
    return places


def _their(place: Place) -> Any:
    """What a global is outside of all blocks."""
    module, name = place
    return _theirs.get(place, vars(module)[name])


def _replace(place: Place, ours: Function) -> None:
    if not _blocks[place]:
        _theirs[place] = _their(place)
        setattr(*place, ours)
    _blocks[place] += 1


def _restore(place: Place) -> None:
    _blocks[place] -= 1
    if not _blocks[place]:
        setattr(*place, _theirs.pop(place))
