"""Signals that wait, for Python's handlers may raise where that is lost or leaves things half done."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def put_off() -> Iterator[None]:
    """Let the handlers of signals, such as that of Ctrl-C, wait for the end of the ``with`` block."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no handler runs here
        return
    handlers = {each: signal.getsignal(each) for each in signal.valid_signals()}
    handlers = {each: handler for each, handler in handlers.items() if callable(handler)}
    caught: list[int] = []
    for each in handlers:
        signal.signal(each, lambda number, frame: caught.append(number))
    try:
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
        for number in caught:
            signal.raise_signal(number)
