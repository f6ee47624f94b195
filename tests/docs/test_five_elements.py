"""`examples/paper/five_elements.py`: start structures and the choice of frames."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from ase.geometry import find_mic
from ase.io import write

import lionn_rs as lionn
from lionn_rs.structures import closest_pair
from lionn_rs.structures.tetrahedra import tetrahedra

SCRIPT = Path(__file__).parents[2] / "examples/paper/five_elements.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("five_elements", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def host():
    return lionn.datasets.structure("lsipscl")


def test_arrangements_are_neutral_and_have_their_bonds(script, host):
    found = dict(script.arrangements(host, 5, seed=2))
    assert len(found) > 10  # of 15, some are drawn twice
    for atoms in found.values():
        symbols = atoms.get_chemical_symbols()
        n_chlorine = symbols.count("Cl")
        assert symbols.count("Si") == 2 + n_chlorine
        assert closest_pair(atoms)[0] > 1.9
        for entry in tetrahedra(atoms):
            for ligand in entry.ligands:
                pair = symbols[entry.center], symbols[ligand]
                before = host.symbols[entry.center], host.symbols[ligand]
                bond = atoms.get_distance(entry.center, ligand, mic=True)
                ratio = bond / host.get_distance(entry.center, ligand, mic=True)
                expected = script.BOND_A[pair] / script.BOND_A[before]
                assert ratio == pytest.approx(expected, rel=1e-9)
    same = script.exchanged(
        host,
        [i for i, s in enumerate(host.symbols) if s == "Si"],
        [i for i, s in enumerate(host.symbols) if s == "Cl"],
    )
    moved, _ = find_mic(same.positions - host.positions, host.cell)
    np.testing.assert_allclose(moved, 0.0, atol=1e-9)


def test_frames_of_largest_spread_are_taken_and_collapsed_ones_left_out(script, host, tmp_path):
    def frame(spread, *, collapsed=False):
        atoms = host.copy()
        if collapsed:
            atoms.positions[1] = atoms.positions[0] + [0.6, 0.0, 0.0]
        atoms.arrays["force_std"] = np.full((len(atoms), 3), 0.01)
        atoms.arrays["force_std"][7] = spread
        return atoms

    spreads = {"a-600K": [0.9, 0.3, 0.8, 0.7], "b-900K": [0.4, 5.0]}
    for name, values in spreads.items():
        folder = tmp_path / "round-1/explore" / name
        folder.mkdir(parents=True)
        frames = [frame(value, collapsed=value > 1) for value in values]
        write(folder / "uncertain_frames.extxyz", frames)
    options = argparse.Namespace(per_run=2, number=10)
    chosen = script.select(tmp_path / "round-1", options)
    assert [float(a.arrays["force_std"].max()) for a in chosen] == [0.9, 0.8, 0.4]
    assert {a.info["group"] for a in chosen} == {"round-1"}
    options.number = 1
    (best,) = script.select(tmp_path / "round-1", options)
    assert "0.900 eV/Å at one atom" in best.info["selected_by"]
