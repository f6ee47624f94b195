"""The examples in docstrings are run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import lionn_rs

OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def examples() -> list[pytest.param]:
    found = []
    for entry in pkgutil.walk_packages(lionn_rs.__path__, "lionn_rs."):
        name = entry.name.rpartition(".")[2]
        # The extension, and the object that LAMMPS loads, whose name is none of Python's.
        if name == "_core" or not name.isidentifier():
            continue
        module = importlib.import_module(entry.name)
        tests = doctest.DocTestFinder(exclude_empty=True).find(module)
        found += [pytest.param(test, id=test.name) for test in tests if test.examples]
    return found


@pytest.mark.parametrize("example", examples())
def test_example(example):
    result = doctest.DocTestRunner(optionflags=OPTIONS).run(example)
    assert result.failed == 0
