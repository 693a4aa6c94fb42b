"""What is installed here, for a report."""


def show_versions() -> None:
    """Print what this installation consists of and runs on, for a report of a bug.

    The versions of softkern, Python and the libraries that softkern works with; what computes the
    arrays of each; the processor and the width of its vectors; threads and Numba's threading layer; and
    the folder of compiled kernels. It is what ``softkern info`` prints. No optional library is
    imported.

    Examples
    --------
    >>> import softkern
    >>> softkern.show_versions()  # doctest: +ELLIPSIS
    softkern...
    """
    from ._cli.info import info

    info(as_json=False)
