"""How many threads the compiled CPU kernels may use."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType


def get_num_threads() -> int:
    """Return how many threads a large call on NumPy arrays may use.

    Returns
    -------
    int
        What `set_num_threads` last set; before that, what Numba uses: one a core, or
        ``NUMBA_NUM_THREADS``.

    Examples
    --------
    >>> import softkern
    >>> softkern.get_num_threads() >= 1
    True
    """
    return int(_threads().get_num_threads())


def set_num_threads(count: int) -> None:
    """Set how many threads a large call on NumPy arrays may use, in the whole process.

    Results do not depend on it, to the last bit. Small calls never leave the caller's thread.

    Parameters
    ----------
    count : int
        From 1 to the number Numba started with: the cores, or ``NUMBA_NUM_THREADS``.

    Raises
    ------
    ValueError
        If `count` is out of that range.

    See Also
    --------
    num_threads : The same for the length of a ``with`` block.

    Examples
    --------
    >>> import softkern
    >>> softkern.set_num_threads(softkern.get_num_threads())
    """
    _threads().set_num_threads(count)


@contextmanager
def num_threads(count: int) -> Iterator[None]:
    """Use `count` threads in a ``with`` block, and what was set before after it.

    Parameters
    ----------
    count : int
        As for `set_num_threads`.

    Examples
    --------
    >>> import softkern
    >>> with softkern.num_threads(1):
    ...     softkern.get_num_threads()
    1
    """
    before = get_num_threads()
    set_num_threads(count)
    try:
        yield
    finally:
        set_num_threads(before)


def _threads() -> ModuleType:
    return import_module("softkern.backends.numba_cpu.threads")
