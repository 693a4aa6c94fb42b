"""What a package that builds on softkern can count on."""

import doctest
import runpy
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest
from arrays import VALUES

import softkern
from softkern import _in_scipy

special = pytest.importorskip("scipy.special")
THEIRS = {name: getattr(special, name) for name in VALUES}


def in_place(module=special):
    """The names that stand for softkern's functions in a module, and those for SciPy's own."""
    ours = {name for name in VALUES if getattr(module, name) is getattr(softkern, name)}
    theirs = {name for name in VALUES if getattr(module, name) is THEIRS[name]}
    return ours, theirs


SWITCHED, UNTOUCHED = (set(VALUES), set()), (set(), set(VALUES))


@pytest.fixture(autouse=True)
def _nothing_is_left_behind():
    yield
    assert in_place() == UNTOUCHED
    assert not _in_scipy._theirs


def downstream(**names):
    module = types.ModuleType("downstream")
    vars(module).update(names)
    return module


class TestInScipy:
    def test_functions_looked_up_when_called(self):
        with softkern.in_scipy():
            assert in_place() == SWITCHED
        assert in_place() == UNTOUCHED

    def test_restored_after_an_exception(self):
        module = downstream(lse=special.logsumexp)
        with pytest.raises(ZeroDivisionError), softkern.in_scipy(module):
            _ = 1 / 0
        assert in_place() == UNTOUCHED
        assert module.lse is THEIRS["logsumexp"]

    def test_globals_of_a_module_whatever_their_names(self):
        other = object()
        module = downstream(lse=special.logsumexp, softmax=special.softmax, logsumexp=other)
        with softkern.in_scipy(module):
            assert module.lse is softkern.logsumexp
            assert module.softmax is softkern.softmax
            assert module.logsumexp is other
        assert module.lse is THEIRS["logsumexp"]
        assert module.softmax is THEIRS["softmax"]

    def test_a_module_without_them_is_an_error(self):
        with pytest.raises(ValueError, match="downstream has none of scipy"):
            softkern.in_scipy(downstream(a=1, b=[])).__enter__()

    def test_nested(self):
        module = downstream(lse=special.logsumexp)
        with softkern.in_scipy():
            with softkern.in_scipy(module), softkern.in_scipy(module):
                assert module.lse is softkern.logsumexp
            assert module.lse is THEIRS["logsumexp"]
            assert in_place() == SWITCHED

    def test_blocks_of_two_threads_that_overlap(self):
        """The first to enter leaves first."""
        entered, may_leave = threading.Event(), threading.Event()

        def first():
            with softkern.in_scipy():
                entered.set()
                may_leave.wait()

        thread = threading.Thread(target=first)
        thread.start()
        entered.wait()
        with softkern.in_scipy():
            may_leave.set()
            thread.join()
            assert in_place() == SWITCHED

    def test_cupyx_where_it_has_been_imported(self, monkeypatch):
        cupyx = downstream(**dict.fromkeys(VALUES, len))
        monkeypatch.setitem(sys.modules, "cupyx.scipy.special", cupyx)
        module = downstream(**{name: THEIRS[name] for name in VALUES})
        with softkern.in_scipy(module):
            assert in_place(cupyx) == in_place(module) == SWITCHED
        assert cupyx.softmax is cupyx.log_softmax is cupyx.logsumexp is len

    def test_as_a_decorator(self):
        assert softkern.in_scipy()(in_place)() == SWITCHED

    def test_what_softkern_refuses(self):
        x = np.ma.masked_array([1.0, 2.0], [False, True])
        for refused in (x, np.ones(2).view(type("Subclass", (np.ndarray,), {})), range(3)):
            special.softmax(refused)
            with softkern.in_scipy(), pytest.raises(TypeError, match="pass `"):
                special.softmax(refused)


def optional_dependency(folder):
    """What the page's way to import them gives."""
    page = Path(__file__).parents[1] / "docs" / "embedding.rst"
    examples = doctest.DocTestParser().get_examples(page.read_text(encoding="utf-8"))
    (script,) = (example.source for example in examples if example.source.startswith("try:"))
    (folder / "script.py").write_text(script)
    names = runpy.run_path(str(folder / "script.py"))
    return {name: names[name] for name in VALUES}


def test_where_softkern_is_installed(tmp_path):
    assert optional_dependency(tmp_path) == {name: getattr(softkern, name) for name in VALUES}


def test_where_it_is_not(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "softkern", None)
    assert optional_dependency(tmp_path) == THEIRS


def test_show_versions_is_what_info_prints(capsys):
    from softkern.__main__ import main

    softkern.show_versions()
    shown = capsys.readouterr().out
    main(["info"])
    assert shown == capsys.readouterr().out
    for fact in (softkern.__version__, np.__version__, "vector bits", "layer", "folder"):
        assert fact in shown
