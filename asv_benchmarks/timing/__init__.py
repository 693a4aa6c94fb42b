"""Timing that holds on a noisy machine: the cases, and libraries timed by turns.

Packaged as ``softkern._timing`` for ``softkern bench``; the benchmarks import it from here, so that
they can time any older softkern too.
"""
