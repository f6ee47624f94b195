"""Doping ladders: the compositions of the paper, vacancies, interstitials, wrong rules."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from ase.build import bulk

from lionn_rs import datasets
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.structures import closest_pair, ewald_energy, net_charge, prototype
from lionn_rs.structures.interstitials import checked_sites, empty_prototype_sites, voids
from lionn_rs.structures.ladder import plan
from lionn_rs.structures.rule import LadderSection
from lionn_rs.structures.tetrahedra import SITE_ARRAY, tetrahedra
from lionn_rs.workflows.dope import dope

LADDER = {
    "element": "Cl",
    "counts": [3, 2, 1],
    "exchanges": [{"remove": "Cl", "insert": "S"}, {"remove": "Si", "insert": "P"}],
}
HOST = {"structure": "li20si3p3s23cl", "supercell": [1, 1, 3]}


@pytest.fixture(scope="module")
def ladder():
    return dope({"host": HOST, "ladder": LADDER, "arrangements": {"select": "all"}})


def test_compositions_of_the_paper(ladder):
    """Section 3.4: 2, 1.3 and 0.67 % of 150 atoms, one Si -> P for every Cl -> S."""
    expected = {
        3: (2.0, {"Li": 60, "Si": 9, "P": 9, "S": 69, "Cl": 3}),
        2: (1.333, {"Li": 60, "Si": 8, "P": 10, "S": 70, "Cl": 2}),
        1: (0.667, {"Li": 60, "Si": 7, "P": 11, "S": 71, "Cl": 1}),
    }
    assert {entry.step.n_dopant for entry in ladder.structures} == set(expected)
    for entry in ladder.structures:
        percent, composition = expected[entry.step.n_dopant]
        symbols = entry.atoms.get_chemical_symbols()
        assert dict(Counter(symbols)) == composition
        assert net_charge(symbols) == 0.0
        assert entry.step.at_percent == pytest.approx(percent, abs=5e-4)
        assert entry.closest_A == closest_pair(entry.atoms)[0] > 1.9


def test_arrangements_of_the_paper(ladder):
    """The ordered cell has no symmetry but the three translations along c."""
    assert [row["arrangements"] for row in ladder.summary] == [1, 3 * 9, 3 * 36]
    assert [row["distinct"] for row in ladder.summary] == [1, 9, 36]
    for n, total in ((3, 1), (2, 27), (1, 108)):
        members = [entry for entry in ladder.structures if entry.step.n_dopant == n]
        assert sum(entry.degeneracy for entry in members) == total
        energies = [entry.energy_eV for entry in members]
        assert energies == sorted(energies)


def test_cell_is_repeated_along_c(ladder):
    lengths = ladder.structures[0].atoms.cell.lengths()
    unit = prototype("li20si3p3s23cl").cell
    assert lengths == pytest.approx(np.array([1, 1, 3]) * np.diag(unit))


def test_only_tetrahedra_of_the_rule_change(ladder):
    """Every Cl is bound to P(2b), every Si sits on 4d, whatever was exchanged."""
    for entry in ladder.structures[:8]:
        symbols = np.array(entry.atoms.get_chemical_symbols())
        assert set(entry.atoms.arrays[SITE_ARRAY][symbols == "Cl"]) == {"S1(8g)"}
        assert set(entry.atoms.arrays[SITE_ARRAY][symbols == "Si"]) == {"Si/P(4d)"}
        centers = {
            t.label for t in tetrahedra(entry.atoms) if (symbols[list(t.ligands)] == "Cl").any()
        }
        assert centers == {"P(2b)"}


def test_ranking_energies_are_ewald_energies(ladder):
    for entry in (ladder.structures[0], ladder.structures[3], ladder.structures[-1]):
        assert entry.energy_eV == pytest.approx(ewald_energy(entry.atoms), abs=1e-6)


def test_framework_equivalence_takes_the_lowest_of_each_class():
    rule = {"host": HOST, "ladder": LADDER | {"counts": [2]}}
    by_structure = dope(rule | {"arrangements": {"select": "all"}})
    framework = dope(rule | {"arrangements": {"select": "all", "equivalence": "framework"}})
    assert len(framework.structures) <= len(by_structure.structures)
    assert sum(entry.degeneracy for entry in framework.structures) == 27
    assert framework.structures[0].energy_eV == pytest.approx(by_structure.structures[0].energy_eV)


def test_lithium_vacancies_and_interstitials():
    host = {"structure": "lgps"}
    few = {"keep": 2}
    vacancies = dope({
        "host": host,
        "ladder": {"element": "Cl", "counts": [1], "compensate": "lithium",
                   "exchanges": [{"remove": "S", "insert": "Cl", "bonded_to": "P(2b)"}]},
        "arrangements": few,
    })  # fmt: skip
    assert vacancies.structures[0].atoms.get_chemical_formula() == "ClGe2Li19P4S23"
    assert vacancies.summary[0]["arrangements"] == 8 * 20
    filled = dope({
        "host": host,
        "ladder": {"element": "Si", "counts": [2], "compensate": "lithium",
                   "exchanges": [{"remove": "P", "insert": "Si", "site": "Ge/P(4d)"}]},
        "arrangements": few,
    })  # fmt: skip
    assert filled.structures[0].atoms.get_chemical_formula() == "Ge2Li22P2S24Si2"
    assert filled.structures[0].energy_eV == pytest.approx(
        ewald_energy(filled.structures[0].atoms), abs=1e-6
    )
    for entry in (*vacancies.structures, *filled.structures):
        assert net_charge(entry.atoms.get_chemical_symbols()) == 0.0
        assert entry.closest_A > 1.9


def test_structure_file_with_labels_gives_the_sixteen_arrangements():
    """Two P(4d) times eight ligands of P(2b): Li20Si3P3S23Cl from the bundled LGPS cell."""
    made = dope({
        "host": {"structure": "dataset:lgps", "prototype": "lgps"},
        "ladder": {"element": "Cl", "counts": [1], "exchanges": [
            {"remove": "S", "insert": "Cl", "bonded_to": "P(2b)"},
            {"remove": "P", "insert": "Si", "site": "Ge/P(4d)"},
            {"remove": "Ge", "insert": "Si", "count": 2}]},
        "arrangements": {"select": "all"},
    })  # fmt: skip
    assert len(made.structures) == 16
    assert {e.atoms.get_chemical_formula() for e in made.structures} == {"ClLi20P3S23Si3"}


def test_own_and_compensating_vacancies_are_one_exchange():
    """Mg on Li and a lithium vacancy for its charge: 20 x 19 ways, by hand or by compensation."""
    rule = {"element": "Mg", "counts": [1], "exchanges": [{"remove": "Li", "insert": "Mg"}]}
    made = dope({"host": {"structure": "lgps"}, "ladder": rule | {"compensate": "lithium"}})
    assert made.summary[0]["arrangements"] == 20 * 19
    assert made.structures[0].atoms.get_chemical_formula() == "Ge2Li18MgP4S24"
    assert made.structures[0].atoms.info["label"] == made.structures[0].label
    assert made.structures[0].atoms.info["ewald_energy_eV"] == made.structures[0].energy_eV
    removed = [*rule["exchanges"], {"remove": "Li", "insert": "vacancy"}]
    by_hand = dope({"host": {"structure": "lgps"}, "ladder": rule | {"exchanges": removed}})
    assert by_hand.summary == made.summary
    # One vacancy by the rule, one more for the charge: a single exchange of two Li.
    mixed = LadderSection(
        element="Cl",
        counts=[2],
        compensate="lithium",
        exchanges=[
            {"remove": "S", "insert": "Cl", "count": 2},
            {"remove": "Li", "insert": "vacancy"},
        ],
    )
    (step,) = plan({"Li": 20, "Ge": 2, "P": 4, "S": 24}, mixed)
    assert [(rule.remove, n) for rule, n in step.exchanges] == [("S", 2), ("Li", 2)]


def test_random_selection_is_seeded_and_differs_from_the_lowest():
    rule = {"host": HOST, "ladder": LADDER | {"counts": [1]}}
    first, again, other = (
        [e.energy_eV for e in dope(rule | {"arrangements": {
            "select": "random", "keep": 5, "seed": seed}}).structures]
        for seed in (1, 1, 2)
    )  # fmt: skip
    assert first == again
    assert first != other


def test_percentages_take_the_nearest_number():
    section = LadderSection(**{k: v for k, v in LADDER.items() if k != "counts"},
                            at_percent=[2.0, 1.3, 0.7])  # fmt: skip
    host = {"Li": 60, "Si": 9, "P": 9, "S": 69, "Cl": 3}
    assert [step.n_dopant for step in plan(host, section)] == [3, 2, 1]
    # With vacancies the number of atoms changes: 100 Cl/(50 - Cl) for one vacancy per Cl.
    section = LadderSection(element="Cl", at_percent=[4.2], compensate="lithium",
                            exchanges=[{"remove": "S", "insert": "Cl"}])  # fmt: skip
    (step,) = plan({"Li": 20, "Ge": 2, "P": 4, "S": 24}, section)
    assert (step.n_dopant, step.composition["Li"]) == (2, 18)
    assert step.at_percent == pytest.approx(100 * 2 / 48)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exchanges": [{"remove": "Cl", "insert": "S"}]},
         r"1 Cl -> S changes the charge by -1 e: add an exchange, or compensate = 'lithium'"),
        ({"counts": [2, 1, 2]}, "targets 2 and 2 give the same number of Cl atoms"),
        ({"counts": None, "at_percent": [1.3, 1.4]}, r"targets 1\.3 and 1\.4 give the same number"),
        ({"counts": None, "at_percent": [-1.0]}, "at_percent must be from 0 to below 100, got -1"),
        (
            {
                "element": "S",
                "counts": [72],
                "exchanges": [
                    {"remove": "Cl", "insert": "S", "count": 2},
                    {"remove": "Cl", "insert": "S", "bonded_to": "P(2b)"},
                    {"remove": "Si", "insert": "P", "count": 3},
                ],
            },
            "two exchanges Cl -> S share sites",
        ),
        ({"element": "Ge"}, "the exchanges do not change the number of Ge atoms"),
        ({"counts": [4]}, "counts: 4 Cl cannot be reached from 3 in the supercell by steps of -1"),
        ({"counts": None, "at_percent": [5.0]}, r"5 % Cl cannot be reached from 2 %"),
        ({"exchanges": [{"remove": "Cl", "insert": "S", "bonded_to": "P(4d)"},
                        {"remove": "Si", "insert": "P"}]}, r"no tetrahedron around 'P\(4d\)'"),
        ({"exchanges": [{"remove": "Cl", "insert": "S"},
                        {"remove": "Si", "insert": "P", "site": "P(2b)"}]},
         r"1 x Si -> P: only 0 such sites in the supercell"),
        ({"exchanges": [{"remove": "Cl", "insert": "S"},
                        {"remove": "Si", "insert": "P", "site": "4d"}]},
         r"no site '4d' \(labels: Li\(16h\)"),
        ({"exchanges": [{"remove": "Cl", "insert": "Fe"}]}, "Fe has no formal charge here"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_followed(changes, message):
    content = {k: v for k, v in (LADDER | {"counts": [2]} | changes).items() if v is not None}
    with pytest.raises((ConfigError, DataError), match=message) as caught:
        dope({"host": HOST, "ladder": content}).structures  # noqa: B018
    assert "\n" not in str(caught.value)


def test_empty_sites():
    crystal = prototype("lgps")
    cell = crystal.ordered()
    found = empty_prototype_sites(cell, crystal, element="Li")
    assert len(found) == 8 - 5 + 4 - 3  # of Li(8f) and Li(4c)
    hollow = voids(bulk("Cu", "fcc", a=3.6), closest=1.79)
    assert hollow == pytest.approx(np.array([[0.5, 0.5, 0.5]]), abs=1e-9)
    assert checked_sites(cell, found) == pytest.approx(found)
    with pytest.raises(DataError, match=r"is 0\.00 Å from an atom, expected at least 1\.7 Å"):
        checked_sites(cell, cell.get_scaled_positions()[:1])
    with pytest.raises(ConfigError, match=r"must be \(n, 3\) numbers"):
        checked_sites(cell, [[0.5, 0.5]])
    assert len(voids(datasets.structure("lgps"))) > 0
