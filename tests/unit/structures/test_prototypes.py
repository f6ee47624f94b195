"""Prototypes: symmetry, cells, bonds, ordering, tetrahedra."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from lionn_rs import datasets
from lionn_rs.errors import DataError
from lionn_rs.structures import PROTOTYPES, closest_pair, net_charge, prototype, repeat
from lionn_rs.structures.tetrahedra import SITE_ARRAY, label_centers, ligands_of, tetrahedra

# Cell lengths of the publications, Å: Kamaya et al. 2011; Kato et al. 2016.
PUBLISHED = {"lgps": (8.69407, 12.5994), "li20si3p3s23cl": (8.709652, 12.56907)}
COMPOSITIONS = {
    "lgps": {"Li": 20, "Ge": 2, "P": 4, "S": 24},
    "li20si3p3s23cl": {"Li": 20, "Si": 3, "P": 3, "S": 23, "Cl": 1},
}


@pytest.fixture(scope="module", params=list(PROTOTYPES))
def crystal(request):
    return prototype(request.param)


@pytest.fixture(scope="module")
def cell(crystal):
    return crystal.ordered(seed=1)


def test_average_structure_is_the_published_one(crystal):
    average = crystal.average()
    analyzer = SpacegroupAnalyzer(average, symprec=1e-3)
    assert (analyzer.get_space_group_symbol(), analyzer.get_space_group_number()) == (
        "P4_2/nmc",
        137,
    )
    a, c = PUBLISHED[crystal.name]
    assert average.lattice.abc == pytest.approx((a, a, c), abs=1e-9)
    letters = analyzer.get_symmetrized_structure().wyckoff_symbols
    assert sorted(letters) == sorted(site.wyckoff for site in crystal.sites)


def test_average_and_ordered_composition_are_neutral_and_agree(crystal, cell):
    assert crystal.composition() == COMPOSITIONS[crystal.name]
    average = crystal.average().composition.as_dict()
    # Refined lithium occupancies have two digits: 20.0 in the cell of 36 positions.
    assert average == pytest.approx(COMPOSITIONS[crystal.name], abs=0.05)
    symbols = cell.get_chemical_symbols()
    assert {name: symbols.count(name) for name in set(symbols)} == COMPOSITIONS[crystal.name]
    assert net_charge(symbols) == 0.0


def test_counts_are_the_rounded_occupancies(crystal):
    for site in crystal.sites:
        for element, fraction in site.occupancy.items():
            assert abs(site.count[element] - fraction * site.multiplicity) < 0.5, site.label


def test_volume_of_lgps_is_that_of_kamaya():
    # 8.69407² times 12.5994 Å: 952.35 Å³ for Li20Ge2P4S24.
    assert np.linalg.det(prototype("lgps").cell) == pytest.approx(952.35, abs=0.05)


def test_distances_of_the_ordered_cell(cell):
    """No split position twice; bonds of sulfides: P-S 1.99, (Ge, Si, P)-S 2.14 Å, Li-S 2.3 Å."""
    assert closest_pair(cell)[0] == pytest.approx(1.99, abs=0.01)
    distances = cell.get_all_distances(mic=True)
    np.fill_diagonal(distances, np.inf)
    symbols = np.array(cell.get_chemical_symbols())
    lithium, anion = symbols == "Li", np.isin(symbols, ["S", "Cl"])
    assert distances[np.ix_(lithium, lithium)].min() > 2.4
    assert distances[np.ix_(lithium, anion)].min() > 2.3
    assert distances[np.ix_(anion, anion)].min() > 3.1


def test_ordering_is_seeded_and_low_in_energy(crystal, cell):
    again = crystal.ordered(seed=1)
    assert np.array_equal(again.positions, cell.positions)
    assert again.get_chemical_symbols() == cell.get_chemical_symbols()
    # Two seeds differ by less than 1 % of the spread of random orderings (tens of eV).
    other = crystal.ordered(seed=2)
    assert abs(other.info["ewald_energy_eV"] - cell.info["ewald_energy_eV"]) < 0.2
    assert all(entry.doi in cell.info["sources"] for entry in crystal.references)


def test_chlorine_sits_in_a_tetrahedron_of_p_2b():
    cell = prototype("li20si3p3s23cl").ordered()
    chlorine = cell.get_chemical_symbols().index("Cl")
    assert cell.arrays[SITE_ARRAY][chlorine] == "S1(8g)"
    assert chlorine in ligands_of(cell, "P(2b)")
    around = [entry for entry in tetrahedra(cell) if chlorine in entry.ligands]
    assert [(cell[t.center].symbol, t.label) for t in around] == [("P", "P(2b)")]
    silicon = [k for k, name in enumerate(cell.get_chemical_symbols()) if name == "Si"]
    assert set(cell.arrays[SITE_ARRAY][silicon]) == {"Si/P(4d)"}


def test_every_anion_belongs_to_one_tetrahedron(cell):
    found = tetrahedra(repeat(cell, (1, 1, 2)))
    assert len(found) == 12
    owned = [k for entry in found for k in entry.ligands]
    assert len(owned) == len(set(owned)) == 48
    assert sum(entry.label == "P(2b)" for entry in found) == 4


def test_sites_of_a_relaxed_cell_with_another_origin():
    """The bundled cell is distorted and shifted: its two 2b centers are known by inspection."""
    relaxed = datasets.structure("lgps")
    labeled = label_centers(relaxed, prototype("lgps"))
    phosphorus = [k for k, label in enumerate(labeled.arrays[SITE_ARRAY]) if label == "P(2b)"]
    fractional = relaxed.get_scaled_positions()[phosphorus]
    assert len(phosphorus) == 2
    for place in fractional:  # (1/2, 1/2, 0) and (0, 0, 1/2)
        offset = (place - [0.5, 0.5, 0.0] + 0.25) % 0.5 - 0.25
        assert np.abs(offset).max() < 0.05
    assert len(ligands_of(labeled, "P(2b)")) == 8
    shifted = labeled.copy()
    shifted.positions += [1.0, -2.0, 3.0]
    assert list(label_centers(shifted, prototype("lgps")).arrays[SITE_ARRAY]) == list(
        labeled.arrays[SITE_ARRAY]
    )
    twice = label_centers(repeat(relaxed, (1, 1, 2)), prototype("lgps"))
    assert len(ligands_of(twice, "P(2b)")) == 16


def test_structure_of_another_type_is_refused():
    from ase.build import bulk

    with pytest.raises(DataError, match="no tetrahedra, nothing to label"):
        label_centers(bulk("NaCl", "rocksalt", a=5.64), prototype("lgps"))
    wrong = repeat(datasets.structure("lgps"), (1, 1, 2))
    with pytest.raises(DataError, match="Å from the nearest site of lgps"):
        label_centers(wrong, prototype("lgps"), (1, 1, 1))
    with pytest.raises(DataError, match=r"no tetrahedron around 'Si' \(there are: Ge, "):
        ligands_of(prototype("lgps").ordered(), "Si")
    with pytest.raises(DataError, match=r"no prototype 'lgsp' \(did you mean 'lgps'\?\)"):
        prototype("lgsp")
