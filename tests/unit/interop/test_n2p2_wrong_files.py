"""Damaged and hostile folders: read correctly, or refused with file and line, in bounded time."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionn_rs.errors import ConfigError, ModelFileError, SimulationError
from lionn_rs.interop import read_potential
from lionn_rs.interop.n2p2 import text as text_module
from tests.fuzzing import fuzz
from tests.unit.interop.n2p2_folders import FUNCTIONS, crystal, write_example

NAMES = ("input.nn", "scaling.data", "weights.003.data", "weights.016.data")


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return write_example(tmp_path_factory.mktemp("good") / "nnp", functions=FUNCTIONS[:6])


@pytest.fixture
def folder(good, tmp_path) -> Path:
    return shutil.copytree(good, tmp_path / "nnp")


def message(folder: Path) -> str:
    with pytest.raises(ModelFileError) as error:
        read_potential(folder, units="ev-angstrom")
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 400 + len(str(folder))
    return text.removeprefix(f"{folder}/")


def edit(folder: Path, name: str, old: str, new: str) -> str:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))
    return message(folder)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("number_of_elements 2", "number_of_elements 3", "line 2: 2 elements, but"),
        (
            "number_of_elements 2",
            "number_of_elements two",
            "line 1: the number of elements must be",
        ),
        ("elements S Li", "elements S Xx", "line 2: 'Xx' is no element"),
        ("elements S Li", "elements S S", "line 2: an element is given twice"),
        ("cutoff_type 1", "", "no keyword 'cutoff_type'"),
        ("cutoff_type 1", "cutoff_type 9", "line 3: cutoff type 9 is unknown"),
        ("cutoff_type 1", "cutoff_type 1 1.0", "line 3: alpha must lie in [0, 1), got 1"),
        ("cutoff_type 1", "cutoff_type 1 nan", "line 3: alpha must be a finite number, got 'nan'"),
        (
            "cutoff_type 1",
            "cutoff_type 1\ncutoff_type 2",
            "line 4: 'cutoff_type' is given a second",
        ),
        ("epochs 10", "nnp_type 4G-HDNNP", "line 8: potentials of type '4G-HDNNP' have charges"),
        ("epochs 10", "use_electrostatics", "line 8: lionn_rs does not evaluate electrostatic"),
        ("epochs 10", "mean_energy 1", "line 8: normalization needs all of"),
        ("epochs 10", "atom_energy Li 1\natom_energy Li 2", "is given a second time"),
        ("epochs 10", "atom_energy Ge 1", "line 8: element 'Ge' is not among Li, S"),
        ("S 2 S 0.05", "S 20 S 0.05", "line 9: type 20 is a polynomial function with compact"),
        ("S 2 S 0.05", "S 4 S 0.05", "line 9: type 4 is unknown; lionn_rs reads types 2, 3, 9"),
        ("S 2 S 0.05", "S 2 Ge 0.05", "line 9: element 'Ge' is not among"),
        ("S 2 S 0.05", "S 2 S -0.05", "line 9: eta must be zero or positive"),
        ("S 2 S 0.05", "S 2 S 0.05d0", "line 9: eta must be a finite number, got '0.05d0'"),
        ("S 2 S 0.05", "S 2 S 1e999", "line 9: eta must be a finite number"),
        ("S 2 S 0.05 0.0", "S 2 S 0.05", "line 9: expected 'symfunction_short CENTER 2 NEIGHBOR"),
        ("-1 1.0", "-1 0.5", "line 11: zeta must be at least 1, got 0.5"),
        ("-1 1.0", "-2 1.0", "line 11: lambda must lie between -1 and 1"),
        ("layers_short 2", "layers_short 3", "line 6: 2 numbers of nodes for 3 hidden layers"),
        (
            "nodes_short 4 3",
            "nodes_short 4 0",
            "line 6: the number of nodes must be an integer of at",
        ),
        ("nodes_short 4 3", "nodes_short 4 99999999", "a network 6-4-99999999-1 has"),
        ("t t l", "t x l", "line 7: unknown activation function 'x'"),
        ("t t l", "t t", "line 7: 2 activation functions for 2 hidden layers and the output"),
    ],
)
def test_mistakes_in_input_nn_are_named(folder, old, new, expected) -> None:
    assert expected in edit(folder, "input.nn", old, new)


def test_mistakes_in_tables_are_named(folder) -> None:
    scaling = (folder / "scaling.data").read_text()
    lines = scaling.splitlines()
    cases = {
        "\n".join(lines[:-1]): "scaling.data: ends before function 6 of S",
        "\n".join([*lines, lines[-1]]): "scaling.data: line 14: a row more than",
        "\n".join(
            [lines[0], lines[2], lines[1], *lines[3:]]
        ): "line 2: row of function 2 of element 1",
        scaling.replace("1 1 ", "1 1 nan ", 1): "line 2: min must be a finite number, got 'nan'",
        "1 1 0.5 0.5 0.5 0.1\n" + "\n".join(lines[2:]): "line 1: the range of a feature is 0",
        "1 1 0.9 0.5 0.5 0.1\n" + "\n".join(lines[2:]): "line 1: the smallest value 0.9 is above",
    }
    for text, expected in cases.items():
        (folder / "scaling.data").write_text(text)
        assert expected in message(folder)
    (folder / "scaling.data").write_text(scaling + "0.1 0.2\n")  # RuNNer adds such a line.
    read_potential(folder, units="ev-angstrom")
    weights = folder / "weights.016.data"
    text = weights.read_text()
    weights.write_text(text.rsplit("\n", 2)[0])
    assert (
        "weights.016.data: a network 6-4-3-1 has 47 weights and biases, the file has 46"
        in message(folder)
    )
    weights.write_text(text + "1.0\n")
    assert "the file has more than 47" in message(folder)
    weights.write_text(text.replace("a 1", "a", 1).replace("# weights\n", "# weights\nx "))
    assert "weights.016.data: line 2: a weight must be a finite number, got 'x'" in message(folder)
    weights.unlink()
    assert "weights.016.data: no such file" in message(folder)
    weights.mkdir()
    assert "weights.016.data: is no file" in message(folder)


def test_missing_sigma_matters_where_it_is_used(folder) -> None:
    lines = (folder / "scaling.data").read_text().splitlines()
    (folder / "scaling.data").write_text("\n".join(line.rsplit(" ", 1)[0] for line in lines))
    read_potential(folder, units="ev-angstrom")
    sigma = "scale_symmetry_functions_sigma"
    assert "line 2: sigma (written by newer versions) is missing" in edit(
        folder, "input.nn", "scale_symmetry_functions", sigma
    )


def test_units_must_be_said(folder) -> None:
    with pytest.raises(ModelFileError, match=r"input.nn: does not say its units; .*--units.* 4\.4"):
        read_potential(folder)
    for units in ("kcal", "1.0", "1,0", "nan,1", "1,2,3"):
        with pytest.raises(ConfigError, match="units must be one of ev-angstrom, hartree-bohr"):
            read_potential(folder, units=units)


def test_large_files_take_bounded_time_and_memory(folder, monkeypatch) -> None:
    """A line per function, a weight per line: what is too much is refused before it is stored."""
    monkeypatch.setattr(text_module, "MAX_BYTES", 2**20)
    lines = (folder / "input.nn").read_text()
    tracemalloc.start()
    start = time.process_time()
    (folder / "input.nn").write_text(lines + "symfunction_short S 2 S 1 0 6\n" * 6000)
    assert "more than 5000 functions of S" in message(folder)
    (folder / "input.nn").write_text(lines)
    weights = (folder / "weights.016.data").read_text()
    (folder / "weights.016.data").write_text("0.1\n" * 200_000)
    assert "the file has more than 47" in message(folder)
    (folder / "weights.016.data").write_text(weights)
    for name in NAMES:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(b"\0" * (2**20 + 1))
        assert f"{name}: longer than 1 MiB" in message(folder)
        (folder / name).write_bytes(b"1 " * 2**19)
        message(folder)
        (folder / name).write_bytes(content)
    # Lines of one megabyte become half a million words of about 60 bytes.
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()
    assert time.process_time() - start < 20.0


def accept_or_refuse(folder: Path) -> None:
    """What is read gives numbers, or says why not; a refusal is one line, with the file."""
    try:
        potential = read_potential(folder, units="ev-angstrom")
    except ModelFileError as refusal:
        text = str(refusal)
    else:
        text = None
        with contextlib.suppress(SimulationError):  # the energy is not a finite number
            assert np.isfinite(potential.evaluate(crystal(0)).energy)
    assert text is None or (str(folder) in text and "\n" not in text)


@fuzz(60)
@given(name=st.sampled_from(NAMES), data=st.data())
def test_truncated_and_overwritten_files(good, tmp_path, name, data) -> None:
    folder = shutil.copytree(good, tmp_path / "nnp", dirs_exist_ok=True)
    content = (folder / name).read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    junk = data.draw(st.binary(max_size=20))
    rest = content[cut + data.draw(st.integers(0, 40)) :]
    (folder / name).write_bytes(content[:cut] + junk + data.draw(st.sampled_from([b"", rest])))
    accept_or_refuse(folder)


@fuzz(60)
@given(name=st.sampled_from(NAMES), data=st.data())
def test_shuffled_repeated_and_missing_words(good, tmp_path, name, data) -> None:
    folder = shutil.copytree(good, tmp_path / "nnp", dirs_exist_ok=True)
    lines = (folder / name).read_text().splitlines()
    k = data.draw(st.integers(0, len(lines) - 1))
    words = re.split(" +", lines[k])
    hostile = st.sampled_from(
        ["", "-1", "0", "1e308", "-1e308", "1e-308", "inf", "9" * 400, "__import__"]
    )
    words[data.draw(st.integers(0, len(words) - 1))] = data.draw(hostile)
    lines[k] = " ".join(words)
    if data.draw(st.booleans()):
        lines.insert(data.draw(st.integers(0, len(lines))), lines[k])
    (folder / name).write_text("\n".join(lines))
    accept_or_refuse(folder)
