"""Where compiled kernels are kept between processes: in Numba's folders, in files that can be trusted.

Numba looks only at the source of the function it keeps, and most of a kernel's code stands in others;
and it takes for a function's code what its file holds, which may be torn, or that of another signature
where two processes wrote at once. Here a file is named by all that its code depends on, and sealed;
what cannot be read or written is compiled anew.
"""

import gc
import os
import pickle
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.caching import FunctionCache, NullCache
from numba.core.ccallback import CFunc
from numba.core.compiler_lock import global_compiler_lock
from numba.core.serialize import dumps
from numba.core.sigutils import normalize_signature

from ..interrupts import put_off


def _version() -> str:
    """What all code depends on, as a name."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    made_of = [sha256(path.read_bytes()).hexdigest() for path in sources]
    made_by = numba.__version__, llvmlite.__version__
    return sha256(repr((made_of, made_by)).encode()).hexdigest()[:16]


_VERSION = _version()


class _Files:
    """The files of one function, one for each signature and processor."""

    def __init__(self, folder: str, function: str) -> None:
        self._folder, self._function = Path(folder), function

    def load(self, key: Any) -> Any:
        try:
            data = self._path(key).read_bytes()
        except OSError:
            return None
        code = data[32:]
        return pickle.loads(code) if data[:32] == self._seal(key, code) else None

    def save(self, key: Any, data: Any) -> None:
        path, code = self._path(key), dumps(data)  # type: ignore[no-untyped-call]
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            part.write_bytes(self._seal(key, code) + code)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        self.flush()

    def flush(self) -> None:
        """Delete what older versions kept."""
        for path in self._folder.glob(f"{self._function}.*.nbc"):
            if not path.name.startswith(f"{self._function}.{_VERSION}."):
                path.unlink(missing_ok=True)

    def _path(self, key: Any) -> Path:
        name = sha256(repr(key).encode()).hexdigest()[:16]
        return self._folder / f"{self._function}.{_VERSION}.{name}.nbc"

    def _seal(self, key: Any, code: bytes) -> bytes:
        return sha256(self._path(key).name.encode() + code).digest()


class _Cache(FunctionCache):
    """The kept code of one function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._cache_file: Any = _Files(self.cache_path, self._impl.filename_base)

    def save_overload(self, *overload: Any) -> None:
        with suppress(OSError):  # the disk is full, or the folder gone
            super().save_overload(*overload)  # type: ignore[no-untyped-call]


def _cache_of(function: Callable[..., Any]) -> Any:
    try:
        return _Cache(function)
    except RuntimeError:  # Numba can write to none of its places
        return NullCache()


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Numba's decorator, for a function whose code is kept."""

    def decorate(function: Callable[..., Any]) -> Any:
        compiled: Any = numba.njit(**options)(function)
        compiled._cache = _cache_of(function)
        # LLVM calls Python, and loses what it raises.
        compiled.compile = put_off()(compiled.compile)
        return compiled

    return decorate


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from what a compiler makes and keeps: it takes 6 % of its time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def cfunc(signature: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Numba's decorator, for a function whose code is kept."""

    def decorate(function: Callable[..., Any]) -> Any:
        parts = normalize_signature(signature)  # type: ignore[no-untyped-call]
        compiled: Any = CFunc(function, parts, {}, options)
        compiled._cache = _cache_of(function)
        # A fork waits for the lock, and its child would keep what is switched off.
        with put_off(), global_compiler_lock, _no_collection():
            compiled.compile()
        return compiled

    return decorate


def folder() -> str | None:
    """The folder kernels are kept in; None if Numba can write to none of its places."""
    return _cache_of(folder).cache_path  # type: ignore[no-any-return]


if folder() is None:
    warnings.warn(
        "softkern compiles its kernels anew in every process, for it finds no folder to keep them in: "
        "set NUMBA_CACHE_DIR to one that can be written to",
        RuntimeWarning,
        stacklevel=2,
    )
