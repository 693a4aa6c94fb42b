"""Where the header for CUDA kernels is."""

from importlib.resources import files


def get_include() -> str:
    """Return the folder with softkern's header for CUDA kernels.

    With ``-I`` and this folder among a compiler's options, ``#include "softkern/softkern.cuh"`` gives a
    kernel the softmax, log-softmax and logsumexp of rows held by a thread, a warp or a block.

    Returns
    -------
    str
        The folder, for NVRTC (CuPy's ``RawKernel`` and ``RawModule``) as for ``nvcc``.

    Notes
    -----
    Nothing is compiled or imported: the header is text, and needs neither macros nor a library.

    Examples
    --------
    >>> import softkern
    >>> options = ("--std=c++17", f"-I{softkern.get_include()}")
    >>> from pathlib import Path
    >>> (Path(softkern.get_include()) / "softkern" / "softkern.cuh").is_file()
    True
    """
    return str(files("softkern.backends") / "cupy_cuda" / "include")
