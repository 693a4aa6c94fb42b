"""Files that are no arrays, or not what they say: for the reader of the command line."""

import struct

DATA = bytes(64)


def file_of(header, data=DATA, version=(1, 0), length=None):
    """A .npy file with these bytes for a header, which says to be of this length."""
    length = len(header) if length is None else length
    size = struct.pack("<H" if version == (1, 0) else "<I", length)
    return b"\x93NUMPY" + bytes(version) + size + header + data


def saying(descr="'<f8'", shape="(2, 4)", order="False", more="", **rest):
    """A file whose header says this of its array."""
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, {more}}}\n"
    return file_of(header.encode(), **rest)


def shape(text):
    return saying(shape=text)


def descr(text):
    return saying(descr=text)


# name -> the file, and what the error says of it
REFUSED = {
    "shape negative": (shape("(-1,)"), "negative"),
    "shape negative twice": (shape("(-2, -4)"), "negative"),
    "shape of an expression": (shape("(2**62,)"), "malformed"),
    "shape near the limit": (shape(f"({2**62},)"), "too big"),
    "shape at the limit": (shape(f"({2**63 - 1},)"), "too big"),
    "shape beyond the limit": (shape(f"({10**20},)"), "too large"),
    "shape beyond the limit, empty": (shape(f"(0, {10**20})"), "too large"),
    "shape whose product wraps": (shape(f"({2**32}, {2**32})"), "too big"),
    "shape whose product wraps to little": (shape("(3037000500, 3037000500)"), "file size"),
    "shape larger than the file": (shape("(1000000000000,)"), "file size"),
    "shape of 65 axes": (shape("(" + "1," * 65 + ")"), "dimension"),
    "shape of bools": (shape("(True, 4)"), "integer"),
    "shape of floats": (shape("(2.0, 4)"), "shape is not valid"),
    "shape of complex numbers": (shape("(1+2j,)"), "shape is not valid"),
    "shape of text": (shape("'ab'"), "shape is not valid"),
    "shape of 5000 digits": (shape("(" + "9" * 5000 + ",)"), "cannot be read"),
    "dtype of objects": (descr("'|O'"), "objects"),
    "dtype with objects": (descr("[('a', '<f8'), ('b', '|O')]"), "objects"),
    "dtype of arrays of objects": (descr("('|O', (2,))"), "objects"),
    "dtype with fields": (descr("[('a', '<f4'), ('b', '<f4')]"), "convert it"),
    "dtype with a title": (descr("[(('title', 'a'), '<f8')]"), "convert it"),
    "dtype of bytes": (descr("'|V8'"), "convert it"),
    "dtype of dates": (descr("'<M8[s]'"), "convert it"),
    "dtype of text": (descr("'<U2'"), "convert it"),
    "dtype of nothing": (descr("'|S0'"), "convert it"),
    "dtype as a dictionary": (descr("{'names': ['a'], 'formats': ['f8']}"), "cannot be read"),
    "dtype of no size": (descr("'<f3'"), "not a valid dtype"),
    "dtype unreadable": (descr("','"), "cannot be read"),
    "dtype a number": (descr("8"), "not a valid dtype"),
    "dtype far too wide": (descr("('<f8', (1000000000,))"), "cannot be read"),
    "dtype of negative size": (descr("('<f8', (-1,))"), "cannot be read"),
    "order a number": (saying(order="1"), "fortran_order"),
    "keys too many": (saying(more="'more': 1"), "keys"),
    "keys that cannot be": (file_of(b"{[]: 1}\n"), "unhashable"),
    "header a list": (file_of(b"[1, 2]\n"), "not a dictionary"),
    "header a call": (file_of(b"__import__('os').abort()\n"), "malformed"),
    "header nested": (file_of(b"(" * 5000 + b"\n"), "cannot be read"),
    "header nested, closed": (file_of(b"(" * 5000 + b")" * 5000 + b"\n"), "cannot be read"),
    "header negated often": (file_of(b"-" * 9000 + b"1\n"), "cannot be read"),
    "header without an end": (file_of(b"{'descr': '''\n"), "cannot be read"),
    "header with odd indents": (file_of(b"  {'a': 1}\n b\n"), "cannot be read"),
    "header of another encoding": (file_of(b"\xff\xfe\n", version=(3, 0)), "decode"),
    "header of zeros": (file_of(bytes(40)), "cannot be read"),
    "header with a terminal's codes": (saying(more="'\x1b[2J': 1"), "keys"),
    "header too long": (file_of(b" " * 60_000 + b"\n"), "header of 60001 bytes"),
    "header longer than the file": (file_of(b"", length=2**32 - 1, version=(2, 0)), "header of"),
    "header cut": (file_of(b"{'descr'", length=100), "EOF"),
    "version of the future": (saying(version=(9, 9)), "version"),
    "cut in the magic": (b"\x93NUM", "magic"),
    "cut in the length": (b"\x93NUMPY\x01\x00\x01", "cannot be read"),
    "cut in the data": (saying(data=bytes(63)), "file size"),
    "no data": (saying(data=b""), "cannot be read"),
    "nothing": (b"", "cannot be read"),
    "a pickle": (b"\x80\x04N.", "magic"),
    "an archive": (b"PK\x03\x04" + bytes(60), "magic"),
}

# name -> the file, and the array in it: a dtype, a shape, an order
READ = {
    "written by Python 2": (shape("(2L, 4L)"), ("<f8", (2, 4), "C")),
    "big-endian": (descr("'>f8'"), (">f8", (2, 4), "C")),
    "big-endian integers": (descr("'>i2'"), (">i2", (2, 4), "C")),
    "Fortran order": (saying(order="True"), ("<f8", (2, 4), "F")),
    "bools": (descr("'|b1'"), ("|b1", (2, 4), "C")),
    "a dtype's name": (descr("'float64'"), ("<f8", (2, 4), "C")),
    "arrays as numbers": (descr("('<f4', (2,))"), ("<f4", (2, 4, 2), "C")),
    "a key given twice": (saying(more="'shape': (8,)"), ("<f8", (8,), "C")),
    "no axes": (shape("()"), ("<f8", (), "C")),
    "64 axes": (shape("(" + "1," * 64 + ")"), ("<f8", (1,) * 64, "C")),
    "no rows": (shape("(0, 4)"), ("<f8", (0, 4), "C")),
    "no numbers in rows": (shape("(4, 0)"), ("<f8", (4, 0), "C")),
    "version 3": (saying(version=(3, 0)), ("<f8", (2, 4), "C")),
    "more data than said": (saying(data=bytes(1000)), ("<f8", (2, 4), "C")),
}
