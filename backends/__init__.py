"""Backends: modules that compute softkern's operations on one kind of array.

The contract. A backend is a module with one function for each operation, called by position::

    softmax(x, axis, temperature, where, out)                      -> y
    log_softmax(x, axis, temperature, where, out)                  -> z
    logsumexp(a, axis, b, keepdims, return_sign, temperature, where, out) -> L or (L, sign)
    partial_logsumexp(a, axis, b, temperature, where)              -> (m, s)
    merge_logsumexp(m, s, other_m, other_s, temperature)           -> (m, s)
    value_logsumexp(m, s, return_sign, temperature)                -> L or (L, sign)
    softmax_jvp(x, v, axis, temperature, where, output, out)       -> (y, dy)
    log_softmax_jvp(x, v, axis, temperature, where, output, out)   -> (z, dz)
    logsumexp_jvp(x, v, axis, keepdims, temperature, where, output, out) -> (L, dL)
    softmax_vjp(x, g, axis, temperature, where, output, out)       -> dx
    log_softmax_vjp(x, g, axis, temperature, where, output, out)   -> dx
    logsumexp_vjp(x, g, axis, keepdims, temperature, where, output, out) -> dx

The face (``softkern._api``) has checked that all arrays are of one library and that a temperature
given as a Python number is >= 0; everything else (axis, dtypes, broadcasting, ``where``, ``out``,
``output``) is the backend's. ``array_api`` holds every operation for any conforming array, and
other backends call it for whatever they have no kernel for. A backend imports the library it
serves and never the face.
"""
