"""The runtime's structures, and its library."""

import ctypes
from ctypes import POINTER, Structure, c_bool, c_char, c_int, c_uint, c_uint64, c_void_p
from functools import cache

from .compiler import runtime_library

ORDERS = ("forward", "reverse", "random", "greedy")


class Parameter(Structure):
    """How a kernel reads one of its arguments; see include/exports.h."""

    _fields_ = (
        ("size", c_uint),
        ("kind", c_char),
        ("pointed_size", c_uint),
        ("pointed_kind", c_char),
        ("pointed_const", c_bool),
    )


class Index(Structure):
    _fields_ = (("x", c_uint), ("y", c_uint), ("z", c_uint))


class Region(Structure):
    _fields_ = (
        ("begin", c_uint64),
        ("end", c_uint64),
        ("writable", c_bool),
        ("loads", c_void_p),
        ("stores", c_void_p),
    )


class Launch(Structure):
    _fields_ = (
        ("grid", Index),
        ("block", Index),
        ("shared_bytes", c_uint64),
        ("seed", c_uint64),
        ("order", c_int),
        ("checked", c_bool),
        ("flush", c_bool),
        ("trust_other_blocks", c_bool),
        ("region_count", c_uint),
        ("regions", POINTER(Region)),
        ("block_count", c_uint64),
        ("blocks", c_void_p),
    )


class Fault(Structure):
    _fields_ = (
        ("kind", c_char * 32),
        ("text", c_char * 224),
        ("site", c_uint64),
        ("block", Index),
        ("thread", Index),
    )


class Site(Structure):
    _fields_ = tuple(
        (name, c_uint64) for name in ("address", "is_store", "requests", "sectors", "bytes")
    )


class Outcome(Structure):
    _fields_ = (
        ("barriers", c_uint64),
        ("fault_count", c_uint),
        ("faults", POINTER(Fault)),
        ("site_count", c_uint),
        ("sites", POINTER(Site)),
    )


@cache
def library() -> ctypes.CDLL:
    """The runtime, which the kernels' libraries share."""
    runtime = ctypes.CDLL(str(runtime_library()))
    runtime.emulator_launch.restype = None
    runtime.emulator_static_shared_bytes.restype = ctypes.c_size_t
    return runtime
