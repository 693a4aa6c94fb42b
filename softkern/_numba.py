"""softkern inside functions that Numba compiles."""

from typing import Any

_OPERATIONS = ("softmax", "log_softmax", "logsumexp")
_LOSSES = ("cross_entropy", "cross_entropy_vjp", "cross_entropy_value_and_grad")


def init() -> None:
    """What Numba calls before it compiles its first function, by the entry point `numba_extensions`."""
    for name in _OPERATIONS:
        for derivative in ("", "_jvp", "_vjp"):
            _announce(name + derivative, "overloads")
    for name in _LOSSES:
        _announce(name, "loss_overloads")


def _announce(name: str, module: str) -> None:
    """Tell Numba of an operation; what it compiles for it is imported once it is called."""
    from importlib import import_module

    from numba.extending import overload

    import softkern

    @overload(getattr(softkern, name), strict=False, prefer_literal=True)
    def typed(*arguments: Any, **named: Any) -> Any:
        found = import_module(f".backends.numba_cpu.{module}", __package__)
        return getattr(found, name)(*arguments, **named)
