"""Where compiled kernels are kept between processes, by Numba."""

import warnings
from contextlib import suppress
from pathlib import Path

from numba.core.caching import FunctionCache


def folder() -> str | None:
    """The folder Numba keeps kernels in; None if it can write to none of its places."""
    try:
        return str(FunctionCache(folder).cache_path)  # type: ignore[no-untyped-call]
    except RuntimeError:
        return None


def _drop_outdated() -> None:
    """Delete what Numba cached before the last change to this folder.

    Numba looks only at the file of the function it caches, and most of a kernel's code stands in
    others.
    """
    here = Path(__file__).parent
    changed = max(source.stat().st_mtime for source in here.glob("*.py"))
    for index in here.glob("__pycache__/*.nbi"):
        with suppress(OSError):  # another process may be at it; read-only, it is not used
            if index.stat().st_mtime < changed:
                index.unlink()


_drop_outdated()
CACHED = folder() is not None  # Numba raises where it is told to keep a kernel and cannot
if not CACHED:
    warnings.warn(
        "softkern compiles its kernels anew in every process, for it finds no folder to keep them in: "
        "set NUMBA_CACHE_DIR to one that can be written to",
        RuntimeWarning,
        stacklevel=2,
    )
