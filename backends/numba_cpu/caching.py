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


def _drop_outdated(cached_in: str) -> None:
    """Delete what Numba cached before the last change to the sources.

    Numba looks only at the file of the function it caches, and most of a kernel's code stands in
    others.
    """
    changed = max(source.stat().st_mtime for source in Path(__file__).parent.glob("*.py"))
    for index in Path(cached_in).glob("*.nbi"):
        with suppress(OSError):  # another process may be at it; read-only, it is not used
            if index.stat().st_mtime < changed:
                index.unlink()


_folder = folder()
CACHED = _folder is not None  # Numba raises where it is told to keep a kernel and cannot
if _folder is not None:
    _drop_outdated(_folder)
else:
    warnings.warn(
        "softkern compiles its kernels anew in every process, for it finds no folder to keep them in: "
        "set NUMBA_CACHE_DIR to one that can be written to",
        RuntimeWarning,
        stacklevel=2,
    )
