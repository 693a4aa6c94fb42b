"""The page of promises names tests that there are."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "promises.rst").read_text()
NAMED = re.findall(r"``(test_\w+\.py)::([\w:]+)``", PAGE)


def names(tree, before=()):
    """The functions of a module and of its classes, as pytest names them."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from names(node, (*before, node.name))
        elif isinstance(node, ast.FunctionDef):
            yield "::".join((*before, node.name))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_there_is(file, name):
    assert name in names(ast.parse((TESTS / file).read_text()))


def test_every_promise_names_a_test():
    promises = re.split(r"^- ", PAGE, flags=re.MULTILINE)[1:]
    assert len(promises) >= 20
    for promise in promises:
        assert re.search(r"``(test_\w+\.py::|\.ci/)", promise), promise
