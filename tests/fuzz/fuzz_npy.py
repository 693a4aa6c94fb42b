"""Bytes for the reader of the command line: an array, or one line and exit code 2, in little memory.

python tests/fuzz/fuzz_npy.py -max_total_time=3600 [CORPUS]
"""

import contextlib
import io
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["numpy.lib._format_impl", "softkern._cli"], enable_loader_override=False
):
    import softkern._cli.run

sys.path.insert(0, str(Path(__file__).parents[1]))
from npy_files import READ, REFUSED, file_of

import softkern.__main__

FOLDER = Path(tempfile.mkdtemp())


def one_input(data):
    """The bytes are a file, or where they begin with 0 the header of one."""
    source, target = FOLDER / "x.npy", FOLDER / "y.npy"
    source.write_bytes(file_of(data[1:]) if data[:1] == b"\0" else data)
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            softkern.__main__.main(["run", str(source), "-o", str(target)])
        except SystemExit as exit_:
            code = exit_.code
    assert code in (0, 2), code
    assert err.getvalue().count("\n") == (code == 2), err.getvalue()
    assert {path.name for path in FOLDER.iterdir()} <= {"x.npy", "y.npy"}


def main():
    seeds = FOLDER.parent / f"{FOLDER.name}-seeds"
    seeds.mkdir()
    for k, (content, _) in enumerate([*REFUSED.values(), *READ.values()]):
        if len(content) < 4096:
            (seeds / str(k)).write_bytes(content)
            (seeds / f"{k}h").write_bytes(b"\0" + content[10:-64])
    atheris.Setup([*sys.argv, str(seeds)], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
