"""Anderson-Stuart: the numbers of the paper, derivatives, errors against Monte Carlo."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from lionn_rs.analysis import (
    anderson_stuart,
    binding_energy,
    effective_radius,
    jump_distance,
    strain_energy,
)
from lionn_rs.analysis.anderson_stuart_terms import COULOMB_EV_A
from lionn_rs.errors import ConfigError, DataError

V50 = 976.7
"""Volume of the 20-Li cell that Table 2 of the paper implies, Å³."""
CELLS = {
    n: {"Li": 60, "Si": 6 + n, "P": 12 - n, "S": 72 - n, "Cl": n} for n in (1, 2, 3)
}  # fmt: skip
R_LI = 2.462
# (r_Cl of the paper, its dielectric constant): columns of the table below.
COLUMNS = [(0.63, 5.13), (0.63, 5.14), (0.79, 5.24), (0.91, 4.92)]


def test_constant():
    assert pytest.approx(14.39965, abs=5e-6) == COULOMB_EV_A


def test_radii_that_were_published():
    """0.63, 0.79 and 0.91 Å belong to one, two and three Cl, with the volume per atom."""
    radii = [effective_radius(n, n_atoms=150, volume_A3=3 * V50) for n in (1, 2, 3)]
    assert radii == pytest.approx([0.629, 0.792, 0.907], abs=5e-4)
    assert [round(r, 2) for r in radii] == [0.63, 0.79, 0.91]
    assert effective_radius(60, n_atoms=150, volume_A3=3 * V50) == pytest.approx(R_LI, abs=5e-4)
    assert np.array(radii) / radii[0] == pytest.approx(np.cbrt([1, 2, 3]))


def test_radii_of_the_formula_as_printed():
    literal = [
        effective_radius(n, n_atoms=150, volume_A3=3 * V50, mode="literal") for n in (1, 2, 3, 60)
    ]
    assert literal == pytest.approx([3.34, 4.21, 4.82, 13.1], abs=0.03)
    energy = binding_energy(literal[3], literal[0], jump_distance=3.25, dielectric_constant=5.13)
    assert energy == pytest.approx(0.015, abs=5e-4)


def test_volume_that_the_rounded_radii_allow():
    """19.405 to 19.732 Å³ per atom, the 50-atom cell 970.3 to 986.6 Å³; 976.7 lies inside."""

    def volume(n: int, radius: float) -> float:
        return brentq(
            lambda v: effective_radius(n, n_atoms=150, volume_A3=150 * v) - radius, 1.0, 100.0
        )

    low = max(volume(n, r - 0.005) for n, r in ((1, 0.63), (2, 0.79), (3, 0.91)))
    high = min(volume(n, r + 0.005) for n, r in ((1, 0.63), (2, 0.79), (3, 0.91)))
    assert (low, high) == pytest.approx((19.405, 19.732), abs=1e-3)
    assert (50 * low, 50 * high) == pytest.approx((970.3, 986.6), abs=0.1)
    assert low < V50 / 50 < high


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (3.25, (0.313, 0.312, 0.282, 0.282)),
        (3.30, (0.316, 0.315, 0.284, 0.285)),
        (3.35, (0.319, 0.318, 0.287, 0.288)),
    ],
)
def test_energies_of_equation_4(length, expected):
    energies = [
        binding_energy(R_LI, radius, jump_distance=length, dielectric_constant=epsilon)
        for radius, epsilon in COLUMNS
    ]
    # The second digit of the radii of the paper is worth up to 0.0007 eV.
    assert energies == pytest.approx(expected, abs=8e-4)


def test_one_jump_distance_gives_all_published_energies():
    """3.30 Å and 19.593 Å³ per atom: 0.32 of the text and 0.31, 0.28, 0.29 of Table 3."""
    volume = 150 * 19.593
    found = [
        anderson_stuart(
            CELLS[n], volume_A3=volume, jump_distance=3.30, dielectric_constant=epsilon
        ).energy_eV
        for n, epsilon in ((1, 5.13), (1, 5.14), (2, 5.24), (3, 4.92))
    ]
    assert found == pytest.approx([0.3155, 0.3149, 0.2836, 0.2851], abs=1e-4)
    assert [round(energy, 2) for energy in found] == [0.32, 0.31, 0.28, 0.29]
    # Neither printed distance does it.
    for length in (3.25, 3.35):
        other = [
            round(
                anderson_stuart(
                    CELLS[n], volume_A3=volume, jump_distance=length, dielectric_constant=epsilon
                ).energy_eV,
                2,
            )
            for n, epsilon in ((1, 5.14), (2, 5.24), (3, 4.92))
        ]
        assert other != [0.31, 0.28, 0.29]


def test_cation_radius_that_the_table_implies():
    """2.41 to 2.51 Å row by row: the effective radius of 60 Li, 2.46 Å."""
    roots = [
        brentq(
            lambda r, radius=radius, epsilon=epsilon, energy=energy: (
                binding_energy(r, radius, jump_distance=3.35, dielectric_constant=epsilon) - energy
            ),
            1.0,
            5.0,
        )
        for radius, epsilon, energy in ((0.63, 5.14, 0.31), (0.79, 5.24, 0.28), (0.91, 4.92, 0.29))
    ]
    assert min(roots) > 2.40
    assert max(roots) < 2.53


def test_sensitivities():
    """About +0.057 eV/Å, -0.055 eV per unit and -0.146 eV/Å, at the middle composition."""
    result = anderson_stuart(
        CELLS[2], volume_A3=3 * V50, jump_distance=3.30, dielectric_constant=5.24
    )
    slopes = result.sensitivity
    assert slopes["jump_distance"] == pytest.approx(0.057, abs=1e-3)
    assert slopes["dielectric_constant"] == pytest.approx(-0.055, abs=1e-3)
    assert slopes["r_anion"] == pytest.approx(-0.146, abs=1e-3)


def test_agreement_with_dynamics_rests_on_the_exchanged_labels():
    dynamics = [0.29, 0.24, 0.32]  # 0.67, 1.3, 2 %
    right, exchanged = [0.32, 0.28, 0.29], [0.29, 0.28, 0.31]
    assert np.corrcoef(right, dynamics)[0, 1] == pytest.approx(0.38, abs=0.01)
    assert np.corrcoef(exchanged, dynamics)[0, 1] == pytest.approx(0.94, abs=0.01)


@pytest.mark.parametrize("mode", ["paper", "literal", "ionic"])
def test_derivatives(mode):
    """Central differences: relative error of the order of the step squared, 1e-8."""
    inputs = {"volume_A3": 3 * V50, "jump_distance": 3.3, "dielectric_constant": 5.1}
    result = anderson_stuart(CELLS[2], mode=mode, **inputs)
    for name, key in (
        ("volume_A3", "volume"),
        ("jump_distance", "jump_distance"),
        ("dielectric_constant", "dielectric_constant"),
    ):
        step = 1e-4 * inputs[name]
        high, low = (
            anderson_stuart(CELLS[2], mode=mode, **(inputs | {name: inputs[name] + s})).energy_eV
            for s in (step, -step)
        )
        assert result.sensitivity[key] == pytest.approx(
            (high - low) / (2.0 * step), rel=1e-6, abs=1e-12
        )


def sample_energies(mode: str, sd: dict[str, float], n: int = 20000) -> np.ndarray:
    """Energies of random inputs, drawn without the derivatives of the package."""
    rng = np.random.default_rng(4)
    volume = rng.normal(3 * V50, sd["volume_sd_A3"], n)
    length = rng.normal(3.3, sd["jump_distance_sd"], n)
    epsilon = rng.normal(5.1, sd["dielectric_constant_sd"], n)
    shifts = {name: rng.normal(0.0, sd["radius_sd"], n) for name in ("Li", "S", "Cl")}

    def energy(r_cation, r_anion, charge):
        contact = r_cation + r_anion
        return charge * 14.39965 / epsilon * length / (contact * (length + 2.0 * contact))

    if mode == "ionic":  # Shannon: Li(IV) 0.59, S(VI) 1.84, Cl(VI) 1.81 Å
        cation = 0.59 + shifts["Li"]
        sulfur = energy(cation, 1.84 + shifts["S"], 2.0)
        chlorine = energy(cation, 1.81 + shifts["Cl"], 1.0)
        return (70 * sulfur + 2 * chlorine) / 72
    cell = volume / 150 if mode == "paper" else volume
    radii = [2.0 * np.cbrt(3.0 * cell * k / (4.0 * np.pi * 150)) for k in (60, 2)]
    return energy(radii[0] + shifts["Li"], radii[1] + shifts["Cl"], 1.0)


@pytest.mark.parametrize("mode", ["paper", "literal", "ionic"])
def test_error_propagation_against_monte_carlo(mode):
    sd = {
        "jump_distance_sd": 0.08,
        "dielectric_constant_sd": 0.15,
        "volume_sd_A3": 60.0,
        "radius_sd": 0.05,
    }
    result = anderson_stuart(
        CELLS[2], volume_A3=3 * V50, jump_distance=3.3, dielectric_constant=5.1, mode=mode, **sd
    )
    energies = sample_energies(mode, sd)
    # Sampling error of the spread 0.5 % (1/sqrt(2 n)), second-order terms of the inputs 1 %.
    assert result.energy_sd_eV == pytest.approx(float(np.std(energies)), rel=0.02)
    assert result.energy_eV == pytest.approx(float(np.mean(energies)), rel=0.005)
    assert result.energy_sd_eV == pytest.approx(math.hypot(*result.sd_parts_eV.values()))
    for name, key in (
        ("jump_distance_sd", "jump_distance"),
        ("dielectric_constant_sd", "dielectric_constant"),
        ("volume_sd_A3", "volume"),
        ("radius_sd", "radius"),
    ):
        alone = dict.fromkeys(sd, 0.0) | {name: sd[name]}
        spread = float(np.std(sample_energies(mode, alone)))
        assert result.sd_parts_eV[key] == pytest.approx(spread, rel=0.02, abs=1e-9)


def test_ionic_mode_uses_tabulated_radii_and_mixes_the_anions():
    inputs = {"volume_A3": 1.0, "jump_distance": 3.25, "dielectric_constant": 5.1, "mode": "ionic"}
    result = anderson_stuart(CELLS[3], **inputs)
    assert result.r_cation_A == 0.59
    assert {t.anion: t.radius_A for t in result.anions} == {"S": 1.84, "Cl": 1.81}
    assert {t.anion: t.weight for t in result.anions} == pytest.approx({"S": 69 / 72, "Cl": 3 / 72})
    near = anderson_stuart(CELLS[3], anion_weights={"S": 3.0, "Cl": 1.0}, **inputs)
    sulfur, chlorine = (term.energy_eV for term in near.anions)
    assert near.energy_eV == pytest.approx(0.75 * sulfur + 0.25 * chlorine)
    only = anderson_stuart({"Li": 1, "Cl": 1}, **inputs)
    assert only.energy_eV == pytest.approx(
        binding_energy(0.59, 1.81, jump_distance=3.25, dielectric_constant=5.1)
    )
    assert result.to_dict()["anions"][0]["anion"] == "S"


def test_strain():
    """In SI units; no energy if the ion fits through."""
    expected = 4 * math.pi * 8e9 * 0.5e-10 * (0.26e-10) ** 2 / 1.602176634e-19
    assert strain_energy(shear_modulus_GPa=8.0, r_cation=0.76, doorway_radius=0.5) == pytest.approx(
        expected, rel=1e-9
    )
    assert strain_energy(shear_modulus_GPa=8.0, r_cation=0.5, doorway_radius=0.6) == 0.0


def test_jump_distance():
    """Simple cubic lattice with vibration: the peak is the lattice constant, with its error."""
    rng = np.random.default_rng(1)
    grid = 3.25 * np.stack(np.meshgrid(*[range(4)] * 3, indexing="ij"), -1).reshape(-1, 3)
    frames = grid + rng.normal(0.0, 0.25, (80, 64, 3))
    distance, se = jump_distance(frames, cell=13.0 * np.eye(3), symbols=["Li"] * 64)
    # g(r) divides by r², which moves the peak of a Gaussian of variance 2 x 0.25² inward by 2 s²/r
    # and the other two directions outward by s²/r: -0.04 Å; noise of the peak about 0.02 Å.
    assert distance == pytest.approx(3.25, abs=0.08)
    assert 0.0 < se < 0.05
    gas = rng.uniform(0, 13, (40, 64, 3))
    with pytest.raises(DataError, match=r"g\(r\) of Li-Li has no peak that stands out up to 6 Å"):
        jump_distance(gas, cell=13.0 * np.eye(3), symbols=["Li"] * 64)
    with pytest.raises(DataError, match="at least two frames in each of 4 blocks"):
        jump_distance(frames[:5], cell=13.0 * np.eye(3), symbols=["Li"] * 64)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"counts": {"Li": 1, "S": 1}}, r"no Cl \(there are Li, S\)"),
        ({"mode": "physical"}, "mode must be 'paper', 'literal' or 'ionic', got 'physical'"),
        ({"dielectric_constant": 0.0}, r"dielectric constant must be positive, got 0\.0"),
        ({"jump_distance": float("nan")}, "jump distance must be positive, got nan"),
        ({"volume_A3": -1.0}, "positive volume"),
        ({"radius_sd": -1.0}, "standard deviation of radius must not be negative"),
        ({"mode": "ionic", "counts": {"Li": 1, "P": 1}}, "no anions with positive weights"),
    ],
)
def test_wrong_input(changes, message):
    inputs = {"counts": CELLS[1], "volume_A3": 3 * V50, "jump_distance": 3.3,
              "dielectric_constant": 5.1} | changes  # fmt: skip
    with pytest.raises(ConfigError, match=message):
        anderson_stuart(inputs.pop("counts"), **inputs)
