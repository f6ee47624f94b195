"""The registry of model formats: what a path tells."""

from __future__ import annotations

import pytest

import lionn_rs as lionn
from lionn_rs import ConfigError, ModelFileError
from lionn_rs.interop import FORMATS, find_format, read_potential
from lionn_rs.interop.formats import identify
from tests.conftest import random_potential
from tests.unit.interop.amp_texts import example


def test_every_format_has_a_module_that_reads_and_writes():
    for entry in FORMATS.values():
        assert callable(entry.translator.read)
        assert callable(entry.translator.write)


def test_paths_tell_the_format(tmp_path):
    folder = tmp_path / "boot-training" / "0"
    folder.mkdir(parents=True)
    example(folder, "amp.amp")
    (tmp_path / "run").mkdir()
    known = {
        "a.json": "lionn",
        "a.AMP": "amp",
        "a.ensemble": "amp",
        "boot-training": "amp",
        "boot-training/0": "amp",
        "run": None,
        "a.extxyz": None,
    }
    for name, expected in known.items():
        found = identify(tmp_path / name)
        assert (found.name if found else None) == expected, name


def test_names_that_tell_nothing_are_refused(tmp_path):
    with pytest.raises(
        ConfigError, match=r"a\.txt: the name tells no model format .*--from: lionn"
    ):
        find_format(tmp_path / "a.txt")
    with pytest.raises(ConfigError, match=r"a\.txt: .*--format: lionn"):
        find_format(tmp_path / "a.txt", write=True)
    with pytest.raises(ConfigError, match="unknown model format 'runner'"):
        find_format(tmp_path / "a.amp", "runner")
    assert find_format(tmp_path / "a.txt", "amp").name == "amp"


def test_own_files_are_one_format_among_the_others(tmp_path):
    potential = random_potential()
    potential.save(tmp_path / "model.json")
    assert read_potential(tmp_path / "model.json").hash == potential.hash
    path = example(tmp_path)
    with pytest.raises(ModelFileError, match=r"a potential of AMP; 'lionn convert model\.amp"):
        lionn.load(path)
    with pytest.raises(ModelFileError, match="no such potential file"):
        lionn.load(tmp_path / "none.json")
