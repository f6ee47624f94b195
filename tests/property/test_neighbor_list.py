"""The neighbor list against that of ASE: triclinic, small and partly periodic cells."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list as ase_neighbor_list
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import lionn_rs
from lionn_rs.errors import ConfigError, DataError

PERIODICITY = st.tuples(st.booleans(), st.booleans(), st.booleans())


def pairs_of(i, j, shifts) -> list[tuple[int, ...]]:
    return sorted(zip(i.tolist(), j.tolist(), *np.asarray(shifts).T.tolist(), strict=True))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), PERIODICITY, st.integers(1, 40), st.floats(1.5, 9.0))
def test_same_pairs_as_ase(seed, pbc, n_atoms, cutoff) -> None:
    rng = np.random.default_rng(seed)
    # Sides from a third of the cutoff to several times, sheared, atoms partly outside of the cell.
    cell = np.diag(rng.uniform(3.0, 14.0, 3)) + rng.uniform(-1.2, 1.2, (3, 3))
    positions = rng.uniform(-0.7, 1.7, (n_atoms, 3)) @ cell
    atoms = Atoms(f"Li{n_atoms}", positions=positions, cell=cell, pbc=pbc)
    expected = ase_neighbor_list("ijSd", atoms, cutoff + 1e-6)
    # Rounding decides about pairs at the cutoff itself.
    assume(not (abs(expected[3] - cutoff) < 2e-6).any())
    i, j, shifts, vectors = lionn_rs.neighbor_list(atoms, cutoff)
    assert pairs_of(i, j, shifts) == pairs_of(*expected[:3])
    assert (np.diff(i) >= 0).all()
    r = atoms.positions[j] - atoms.positions[i] + shifts @ atoms.cell.array
    np.testing.assert_allclose(vectors, r, atol=1e-12)


def test_lists_without_pairs_and_types() -> None:
    for n in (0, 1):
        i, j, shifts, vectors = lionn_rs.neighbor_list(Atoms(f"Li{n}" if n else ""), 3.0)
        assert (i.shape, j.shape, shifts.shape, vectors.shape) == ((0,), (0,), (0, 3), (0, 3))
        assert (i.dtype, j.dtype, shifts.dtype) == (np.int64, np.int64, np.int32)


def test_bad_input_is_named() -> None:
    atoms = Atoms("Li2", positions=[[0, 0, 0], [0, 0, 1]])
    with pytest.raises(ConfigError, match="neighbor cutoff must be positive, got -1"):
        lionn_rs.neighbor_list(atoms, -1.0)
    atoms.positions[1] = atoms.positions[0]
    with pytest.raises(DataError, match="atoms 0 and 1 are at the same position"):
        lionn_rs.neighbor_list(atoms, 2.0)
    atoms.positions[1, 2] = np.nan
    with pytest.raises(DataError, match="position of atom 1 is not finite"):
        lionn_rs.neighbor_list(atoms, 2.0)
