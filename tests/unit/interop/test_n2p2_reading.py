"""Folders of n2p2 against a slow evaluation written from the description of the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lionn_rs.interop import read_potential
from lionn_rs.testing import check_derivatives
from tests.unit.interop.n2p2_folders import FUNCTIONS, crystal, write_example
from tests.unit.interop.n2p2_oracle import Oracle

RADIAL = FUNCTIONS[:3]


def compare(folder: Path, seed: int, elements: tuple[str, ...] = ("S", "Li"), **units) -> None:
    """Energies agree to rounding of sums of about a thousand terms of order one."""
    potential = read_potential(folder, units=",".join(map(str, units.values())) or "ev-angstrom")
    oracle = Oracle(folder, **units)
    for other in (seed, seed + 1):
        atoms = crystal(other, elements)
        expected = oracle.energy(atoms)
        size = max(1.0, abs(expected))
        assert potential.evaluate(atoms).energy == pytest.approx(expected, abs=1e-11 * size)


def test_every_function_type(tmp_path) -> None:
    compare(write_example(tmp_path, seed=1), 1)


@pytest.mark.parametrize(
    "cutoff",
    ["0", "1", "1 0.0", "1 0.3", "2", "3", "3 0.5", "4", "4 0.25"]
    + [f"{kind}{alpha}" for kind in (5, 6, 7, 8) for alpha in ("", " 0.4")],
)
def test_cutoff_functions(tmp_path, cutoff) -> None:
    functions = (*RADIAL, "{c} 9 {a} {b} {x} 1 2.0 {rc}", "{c} 13 {y} 0.5 -1 1.0 {rc}")
    folder = write_example(tmp_path, seed=2, cutoff=cutoff, functions=functions)
    compare(folder, 2)
    if cutoff != "0":
        potential = read_potential(folder, units="ev-angstrom")
        assert check_derivatives(potential, crystal(2), n_atoms=2).passed(1e-6)


@pytest.mark.parametrize(
    "scaling",
    [
        (),
        ("scale_min_short 0.2",),
        ("scale_symmetry_functions",),
        ("scale_symmetry_functions", "scale_min_short -1.0", "scale_max_short 2.5"),
        ("center_symmetry_functions",),
        ("scale_symmetry_functions", "center_symmetry_functions", "scale_min_short 0.1"),
        ("scale_symmetry_functions_sigma", "scale_min_short 0.3", "scale_max_short 0.9"),
        ("scale_symmetry_functions_sigma", "scale_symmetry_functions"),
    ],
)
def test_scaling_modes(tmp_path, scaling) -> None:
    compare(write_example(tmp_path, seed=3, scaling=scaling, functions=RADIAL), 3)


@pytest.mark.parametrize("letter", "tsprgcSehl")
def test_activation_functions(tmp_path, letter) -> None:
    folder = write_example(
        tmp_path, seed=4, activations=f"{letter} t {letter}", functions=RADIAL, nodes="3 2"
    )
    compare(folder, 4)
    if letter != "r":
        potential = read_potential(folder, units="ev-angstrom")
        assert check_derivatives(potential, crystal(4), n_atoms=2).passed(1e-6)


def test_normalization_offsets_and_units(tmp_path) -> None:
    keywords = (
        "mean_energy -3.5",
        "conv_energy 7.25",
        "conv_length 2.5",
        "atom_energy S -1.25",
        "atom_energy Li -0.125",
        "normalize_nodes",
    )
    units = {"cflength": 1.8897261328, "cfenergy": 0.0367493254}
    folder = write_example(tmp_path, seed=5, keywords=keywords, cflength=units["cflength"])
    compare(folder, 5, **units)
    potential = read_potential(folder, units="hartree-bohr")
    assert potential.cutoff == pytest.approx(4.4, abs=1e-12)
    assert check_derivatives(potential, crystal(5), n_atoms=2).passed(1e-6)


def test_elements_in_any_order_and_one_alone(tmp_path) -> None:
    elements = ("Ge", "Li", "S")
    folder = write_example(tmp_path / "three", seed=6, elements=elements)
    compare(folder, 6, elements)
    assert read_potential(folder, units="ev-angstrom").elements == ["Ge", "Li", "S"]
    compare(write_example(tmp_path / "one", seed=7, elements=("Li",)), 7, ("Li",))


def test_networks_of_their_own(tmp_path) -> None:
    """n2p2 sets all hidden layers of an element but the last; weights may say otherwise."""
    keywords = ("element_nodes_short S 6 3", "element_activation_short S s p l")
    folder = write_example(tmp_path / "same", seed=8, keywords=keywords, layouts={"S": [6, 3]})
    compare(folder, 8)
    keywords = ("element_nodes_short S 6 2",)
    folder = write_example(tmp_path / "n2p2", seed=9, keywords=keywords, layouts={"S": [6, 3]})
    compare(folder, 9)
    folder = write_example(tmp_path / "said", seed=9, keywords=keywords, layouts={"S": [6, 2]})
    document = read_potential(folder, units="ev-angstrom")._document()
    assert [len(layer) for layer in document["networks"]["S"]["weights"]] == [14, 7, 3]
    assert [len(layer) for layer in document["networks"]["Li"]["weights"]] == [14, 5, 4]


def test_order_of_lines_does_not_matter(tmp_path) -> None:
    folder = write_example(tmp_path, seed=10)
    energy = read_potential(folder, units="ev-angstrom").evaluate(crystal(10)).energy
    lines = (folder / "input.nn").read_text().splitlines()
    np.random.default_rng(0).shuffle(lines)
    (folder / "input.nn").write_text("\r\n".join(lines).replace("symfunction_short", "symfunction"))
    assert read_potential(folder, units="ev-angstrom").evaluate(crystal(10)).energy == energy


def test_files_remember_where_they_are_from(tmp_path) -> None:
    folder = write_example(tmp_path / "nnp", seed=11, cutoff="0")
    potential = read_potential(folder, units="hartree-bohr")
    source = potential.metadata["source"]
    assert source["program"] == "n2p2"
    assert source["scaling"] == "scale"
    assert set(source["files"]) == {
        "input.nn",
        "scaling.data",
        "weights.003.data",
        "weights.016.data",
    }
    assert "hard" in source["notes"][0]
    potential.save(tmp_path / "model.json")
    again = read_potential(tmp_path / "model.json")
    assert again.hash == potential.hash
    assert again.evaluate(crystal(11)).energy == potential.evaluate(crystal(11)).energy


def test_excess_is_measured_from_the_ranges_of_the_file(tmp_path) -> None:
    folder = write_example(tmp_path, seed=12, scaling=("scale_symmetry_functions_sigma",))
    potential = read_potential(folder, units="ev-angstrom")
    assert potential.evaluate(crystal(12)).n_extrapolating == 0
    squeezed = crystal(12)
    squeezed.set_cell(squeezed.cell * 0.8, scale_atoms=True)
    assert potential.evaluate(squeezed).n_extrapolating > 0
