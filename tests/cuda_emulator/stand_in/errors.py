"""CuPy's exceptions."""


class CUDARuntimeError(RuntimeError):
    """As cupy.cuda.runtime.CUDARuntimeError; the message begins with the name of the status."""


class CUDADriverError(RuntimeError):
    """As cupy.cuda.driver.CUDADriverError."""
