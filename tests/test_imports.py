"""What importing softkern costs and gives."""

import doctest
import importlib.metadata
import importlib.resources
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from arrays import OPERATIONS

import softkern
from softkern import (
    _api,
    _boltzmann,
    _c_function,
    _cross_entropy,
    _hardmax,
    _in_scipy,
    _include,
    _jvp,
    _logcumsumexp,
    _segment_logsumexp,
    _segment_softmax,
    _softmin,
    _stream,
    _threads,
    _versions,
    _vjp,
)

MODULES = [
    *(_api, _boltzmann, _c_function, _cross_entropy, _hardmax, _in_scipy, _include, _jvp),
    *(_logcumsumexp, _segment_logsumexp, _segment_softmax, _softmin, _stream, _threads),
    *(_versions, _vjp),
]
RELATIVES = ("softmin", "boltzmann", "logcumsumexp", "segment_softmax", "segment_logsumexp")
FAMILY = [f"{name}{kind}" for name in RELATIVES for kind in ("", "_jvp", "_vjp")]
LOSSES = ("cross_entropy", "cross_entropy_vjp", "cross_entropy_value_and_grad")
ARRAY_LIBRARIES = {"numpy", "numba", "llvmlite", "scipy", "cupy", "torch", "jax", "dask"}


def modules_after(statement):
    """The modules that a fresh interpreter has imported after the statement, and those before it."""
    code = f"import sys, json; before = list(sys.modules); {statement}; "
    code += "print(json.dumps([before, list(sys.modules)]))"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    before, after = json.loads(run.stdout)
    return set(after) - set(before)


def test_the_import_is_light():
    imported = modules_after("import softkern")
    assert {name for name in imported if name.startswith("softkern")} == {"softkern"}
    assert {name.partition(".")[0] for name in imported}.isdisjoint(ARRAY_LIBRARIES)
    assert len(imported) < 30, sorted(imported)


@pytest.mark.parametrize("name", softkern.__all__)
def test_looking_at_a_function_imports_no_array_library(name):
    imported = modules_after(f"import softkern; help_text = softkern.{name}.__doc__")
    assert {module.partition(".")[0] for module in imported}.isdisjoint(ARRAY_LIBRARIES)
    assert not any(module.startswith("softkern.backends") for module in imported)


def test_the_headers_are_found_without_an_array_library():
    imported = modules_after("import softkern; softkern.get_include()")
    assert {name.partition(".")[0] for name in imported}.isdisjoint(ARRAY_LIBRARIES)


def test_a_call_imports_only_the_library_of_its_array():
    imported = modules_after(
        "import array_api_strict, softkern; softkern.softmax(array_api_strict.ones(3))"
    )
    assert "numba" not in imported
    assert "softkern.backends.numba_cpu" not in imported


def test_public_names():
    assert softkern.__all__ == sorted(softkern.__all__)
    assert set(softkern.__all__) <= set(dir(softkern))
    for name in softkern.__all__:
        function = getattr(softkern, name)
        assert function.__name__ == name
        assert function is getattr(softkern, name)
    with pytest.raises(AttributeError, match="no attribute 'sofmax'"):
        _ = softkern.sofmax


def test_version_is_that_of_the_distribution():
    assert softkern.__version__ == importlib.metadata.version("softkern")


def test_the_types_are_published():
    assert importlib.resources.files("softkern").joinpath("py.typed").is_file()


def test_the_readme():
    readme = Path(__file__).parents[1] / "README.md"
    outcome = doctest.testfile(str(readme), module_relative=False, encoding="utf-8")
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_doctests(module):
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.parametrize("name", [*OPERATIONS, *FAMILY, *LOSSES, "hardmax"])
def test_every_docstring_has_its_sections(name):
    text = inspect.getdoc(getattr(softkern, name))
    for section in ("Parameters", "Returns", "Raises", "Notes", "References", "Examples"):
        assert f"\n{section}\n{'-' * len(section)}\n" in text
