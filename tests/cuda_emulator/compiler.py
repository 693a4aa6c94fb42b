"""CUDA sources to shared libraries, with g++ and a cache on the disk."""

import hashlib
import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from . import sources

HERE = Path(__file__).parent
INCLUDE = HERE / "include"
RUNTIME = HERE / "runtime"
HEADERS = ("*.cuh", "*.h", "*.hpp")
LARGEST_DYNAMIC_ARRAY = 227 << 10

COMMON = ("-std=c++17", "-fPIC", "-shared", "-fno-exceptions", "-fcf-protection=none")
RUNTIME_FLAGS = (*COMMON, "-O2")
# Only an fma that is written fuses, a pointer to floats may be read as one to uint4, and libraries
# do not share the variables of their templates.
KERNEL_FLAGS = (
    *COMMON,
    *("-O1", "-w", "-ffp-contract=off", "-fno-math-errno", "-fno-strict-aliasing"),
    *("-fno-stack-protector", "-fno-extern-tls-init", "-fno-gnu-unique", "-fno-rtti"),
    *("-g1", "-gdwarf-4"),  # binutils names wrong files for sources on stdin, in DWARF 5
)
# A structure that is read at once, such as uint4, stays one access: hence no SRA.
CHECKED_FLAGS = (
    "-fsanitize=thread,alignment,bounds,shift-exponent",
    "-fsanitize=signed-integer-overflow,integer-divide-by-zero",
    "--param=tsan-instrument-func-entry-exit=0",
    "-fno-tree-sra",
)
UNCHECKED_FLAGS = ("-fwrapv",)


class CompilationError(RuntimeError):
    """The compiler refuses the source; the message is its own."""


def kernel_library(
    source: str, options: Sequence[str], checked: bool, expressions: Sequence[str]
) -> Path:
    """The shared library of one source; of its templates, with the kernels of these names."""
    runtime = runtime_library()
    folders = [Path(option[2:]).absolute() for option in options if option.startswith("-I")]
    flags = [
        *KERNEL_FLAGS,
        *(CHECKED_FLAGS if checked else UNCHECKED_FLAGS),
        *(option for option in options if option.startswith(("-D", "-U"))),
        *(f"-I{folder}" for folder in (*folders, INCLUDE)),
    ]
    # Linked by name: the sanitizers' own libraries must stay out.
    link = ["-nostdlib", str(runtime), "-Wl,-rpath,$ORIGIN", "-lm", "-lc", "-lgcc"]

    def build(path: Path) -> None:
        text = _with_exports(source, _preprocessed(source, flags), expressions)
        _compile(["-x", "c++", "-", "-x", "none", *flags, *link, "-o", str(path)], text)

    key = _digest(source, runtime.name, *flags, *expressions, *_headers(folders))
    return _cached(f"kernel-{key}", build)


def expression_name(number: int) -> str:
    """What a kernel that is known by an expression is called in the library."""
    return f"expression_{number}"


@cache
def runtime_library() -> Path:
    """The scheduler and the checks, compiled once for all kernels."""
    files = sorted(path for folder in (INCLUDE, RUNTIME) for path in folder.iterdir())
    units = [str(path) for path in files if path.suffix == ".cpp"]
    key = _digest(*RUNTIME_FLAGS, *(path.read_text() for path in files))
    return _cached(
        f"runtime-{key}", lambda path: _compile([*RUNTIME_FLAGS, *units, "-o", str(path)])
    )


def _headers(folders: Sequence[Path]) -> list[str]:
    paths = sorted(path for folder in folders for kind in HEADERS for path in folder.rglob(kind))
    return [path.read_text() for path in paths]


def _preprocessed(source: str, flags: Sequence[str]) -> str:
    scan = ["-E", "-P", "-DEMULATOR_SCAN", "-include", "builtins.h"]
    return _compile(["-x", "c++", "-", *flags, *scan], source)


def _with_exports(source: str, preprocessed: str, expressions: Sequence[str]) -> str:
    kernels = sources.kernels(preprocessed)
    named = [(name, bounds, name) for name, bounds in kernels.items()]
    named += [(expression_name(k), "()", text) for k, text in enumerate(expressions)]
    dynamic = sources.dynamic_array(preprocessed)
    module = "EMULATOR_MODULE(nullptr, 0)"
    if dynamic:
        module = f"EMULATOR_DYNAMIC({dynamic[0]}, {dynamic[1]}, {LARGEST_DYNAMIC_ARRAY})"
    return "\n".join(
        [
            *('#include "builtins.h"', '#line 1 "kernel.cu"', source),
            *('#line 1 "exports"', '#include "exports.h"', module),
            f'EMULATOR_KERNELS("{" ".join(kernels)}")',
            *(f"EMULATOR_KERNEL({', '.join(each)})" for each in named),
            "",
        ]
    )


def _compiler() -> list[str]:
    return shlex.split(os.environ.get("CXX", "g++"))


def _compile(arguments: Sequence[str], text: str = "") -> str:
    command = [*_compiler(), *arguments]
    # A source on stdin finds headers in the working folder, where there must be none.
    result = subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, cwd=_cache_folder()
    )
    if result.returncode:
        raise CompilationError(f"{shlex.join(command)}\n{result.stderr}")
    return result.stdout


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join([*_compiler(), *texts]).encode()).hexdigest()[:24]


def _cached(name: str, build: Callable[[Path], object]) -> Path:
    library = _cache_folder() / f"{name}.so"
    if not library.exists():
        # Another process, or thread, may build the same: each renames a file of its own.
        with tempfile.NamedTemporaryFile(dir=library.parent, delete=False) as part:
            path = Path(part.name)
        try:
            build(path)
            path.replace(library)
        finally:
            path.unlink(missing_ok=True)
    return library


@cache
def _cache_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"cuda_emulator-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    return folder
