"""Conductivity of several species: known correlations, contributions, frames of reference."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lionn_rs.analysis import (
    DiffusionResult,
    SpeciesConductivity,
    cross_msd,
    diffusivity,
    msd,
    synthetic,
)
from lionn_rs.analysis.transport.conductivity import charge_hop
from lionn_rs.errors import ConfigError, ShapeError

TRUTH = 6e-5
RUN: dict[str, Any] = {"n_frames": 8001, "frame_interval_fs": 20.0}


def hops(seed: int, n_ions: int = 12, **options: Any) -> np.ndarray:
    rng = np.random.default_rng(seed)
    options.setdefault("diffusivity_cm2_s", TRUTH)
    return synthetic.lattice_hops(rng, n_ions=n_ions, **RUN, **options)


def analyze(species: dict[str, np.ndarray], **options: Any) -> DiffusionResult:
    """A run of the given species and 10 vibrating S."""
    rng = np.random.default_rng(99)
    rest = 0.1 * rng.standard_normal((RUN["n_frames"], 10, 3))
    symbols = [name for name, paths in species.items() for _ in range(paths.shape[1])]
    settings: dict[str, Any] = {
        "cell": 60.0 * np.eye(3), "frame_interval_fs": 20.0, "temperature_K": 800.0,
        "symbols": [*symbols, *["S"] * 10],
    }  # fmt: skip
    paths = np.concatenate([*species.values(), rest], axis=1)
    return diffusivity(paths, **{**settings, **options})


@pytest.fixture(scope="module")
def salt() -> DiffusionResult:
    """Li and Na hop independently of each other."""
    return analyze(
        {"Li": hops(1), "Na": hops(2, n_ions=6, diffusivity_cm2_s=TRUTH / 2)},
        charges={"Li": 1.0, "Na": 2.0},
        mobile=["Na"],
    )


def test_cross_msd_equals_the_double_loop() -> None:
    rng = np.random.default_rng(1)
    first, second = np.cumsum(rng.standard_normal((2, 70, 3)), axis=1)
    second -= 0.5 * first
    found = cross_msd(first, second)
    for lag in (1, 9, 69):
        products = np.sum((first[lag:] - first[:-lag]) * (second[lag:] - second[:-lag]), axis=1)
        assert found[lag] == pytest.approx(products.mean(), rel=1e-9)
    with pytest.raises(ShapeError, match=r"got \(70, 3\) and \(69, 3\)"):
        cross_msd(first, second[1:])
    np.testing.assert_allclose(
        cross_msd(first, first), msd(first[:, None])[0].sum(axis=0), atol=1e-9
    )


def test_hops_of_every_charged_species_enter_the_collective_error() -> None:
    """Fourth cumulant of charges that hop: each species with its own charge, length and rate."""
    entry = {
        "ln_sd": 0.1, "upper_bound_cm2_s": 1.0, "refusal": "", "diffusivity_cm2_s": 1.0,
        "sd_mS_cm": 0.1, "n_ions": 5,
    }  # fmt: skip
    light = SpeciesConductivity(
        symbol="Li", charge=1.0, hop_length_A=3.0, conductivity_mS_cm=3.0, **entry
    )
    heavy = SpeciesConductivity(
        symbol="Mg", charge=2.0, hop_length_A=4.0, conductivity_mS_cm=1.0, **entry
    )
    still = SpeciesConductivity(
        symbol="S", charge=-2.0, hop_length_A=9.0, conductivity_mS_cm=0.0, **entry
    )
    assert charge_hop([light]) == pytest.approx(3.0)
    assert charge_hop([light, heavy, still]) == pytest.approx(np.sqrt((3 * 9 + 64) / 4))

    # Compound Poisson process: rates of hops of +-z a along one axis; cumulants of its sum.
    rng = np.random.default_rng(3)
    rates, charges, lengths = np.array([4.0, 1.0]), np.array([1.0, 2.0]), np.array([3.0, 4.0])
    total = np.zeros(400_000)
    for rate, z, a in zip(rates, charges, lengths, strict=True):
        up, down = rng.poisson(rate / 2, (2, len(total)))
        total += z * a * (up - down)
    variance = np.mean(total**2)
    excess = np.mean(total**4) - 3.0 * variance**2
    species = [
        SpeciesConductivity(
            symbol=name, charge=z, hop_length_A=a, conductivity_mS_cm=rate * (z * a) ** 2, **entry
        )
        for name, rate, z, a in zip(("Li", "Mg"), rates, charges, lengths, strict=True)
    ]
    # 400,000 samples: the fourth moment to 0.5 %, of which the cumulant is an eighth.
    assert excess / variance == pytest.approx(charge_hop(species) ** 2, rel=0.12)


def test_nernst_einstein_adds_species_up(salt: DiffusionResult) -> None:
    charge = salt.collective
    assert charge is not None
    lithium, sodium = charge.species
    assert (lithium.symbol, sodium.symbol) == ("Li", "Na")
    assert sodium.diffusivity_cm2_s == pytest.approx(TRUTH / 2, rel=0.4)
    # n z² D: 12 x 1 x D and 6 x 4 x D/2 are equal.
    assert lithium.conductivity_mS_cm == pytest.approx(salt.conductivity_mS_cm)
    assert sodium.conductivity_mS_cm == pytest.approx(lithium.conductivity_mS_cm, rel=0.4)
    total = lithium.conductivity_mS_cm + sodium.conductivity_mS_cm
    assert charge.nernst_einstein_mS_cm == pytest.approx(total)
    expected = np.hypot(lithium.sd_mS_cm, sodium.sd_mS_cm)
    assert charge.nernst_einstein_sd_mS_cm == pytest.approx(expected)
    assert charge.net_charge == pytest.approx(24.0)


def test_independent_species_have_no_cross_term(salt: DiffusionResult) -> None:
    charge = salt.collective
    assert charge is not None
    low, high = charge.haven_ratio_interval
    assert low < 1.0 < high
    pairs = {(pair.first, pair.second): pair for pair in charge.onsager}
    cross = pairs["Li", "Na"]
    assert abs(cross.coefficient_mS_cm) < 3 * cross.sd_mS_cm
    total = sum(pair.contribution_mS_cm for pair in charge.onsager)
    assert total == pytest.approx(charge.conductivity_mS_cm, rel=1e-9)
    for pair in (pairs["Li", "Li"], pairs["Na", "Na"]):
        z = charge.charges[pair.first]
        assert abs(pair.contribution_mS_cm - pair.self_mS_cm) < 4 * pair.sd_mS_cm * z**2
    tensor = charge.tensor
    assert tensor is not None
    assert np.trace(tensor.conductivity_mS_cm) / 3 == pytest.approx(
        charge.conductivity_mS_cm, rel=1e-9
    )


def test_ions_moving_as_one_have_haven_ratio_one_over_m() -> None:
    """``D_sigma = m D``, Haven ratio 1/m."""
    together = hops(3, n_ions=16, together=4, vibration_A=0.0, diffusivity_cm2_s=2e-4)
    found = analyze({"Li": together})
    charge = found.collective
    assert charge is not None
    low, high = charge.haven_ratio_interval
    assert low < 0.25 < high < 0.6
    # Beside the fit, exactly: four movers count four times in the sum, and add up independently.
    assert charge.diffusivity_cm2_s > 2.0 * found.diffusivity_cm2_s


def test_bound_pairs_of_opposite_charge_carry_no_current() -> None:
    cations = hops(4, n_ions=8, diffusivity_cm2_s=2e-4)
    options: dict[str, Any] = {"charges": {"Li": 1, "Cl": -1}, "mobile": ["Cl"]}
    charge = analyze({"Li": cations, "Cl": cations + 2.0}, **options).collective
    assert charge is not None
    assert charge.conductivity_mS_cm == 0.0
    assert not charge.meaningful
    assert "no charge is displaced" in charge.note
    # Bound, but vibrating against each other: the slope is zero within its error.
    rng = np.random.default_rng(5)
    loose = cations + 0.3 * rng.standard_normal(cations.shape)
    found = analyze({"Li": cations, "Cl": loose}, **options)
    charge = found.collective
    assert charge is not None
    assert charge.nernst_einstein_mS_cm > 1.5 * found.conductivity_mS_cm
    assert abs(charge.conductivity_mS_cm) < 0.01 * charge.nernst_einstein_mS_cm
    pairs = {(pair.first, pair.second): pair for pair in charge.onsager}
    assert pairs["Cl", "Li"].contribution_mS_cm < 0 < pairs["Li", "Li"].contribution_mS_cm


def test_neutral_charges_need_no_frame_of_reference() -> None:
    ions = hops(6, n_ions=20)
    charges = {"Li": 1.0, "S": -2.0}
    found = [
        analyze({"Li": ions}, charges=charges, drift_reference=reference).collective
        for reference in ("S", "all", "none")
    ]
    assert all(charge is not None and abs(charge.net_charge) < 1e-9 for charge in found)
    first = found[0].conductivity_mS_cm
    for charge in found[1:]:
        # The first lag of the fit follows the tracer MSD, which does depend on the frame.
        assert charge.conductivity_mS_cm == pytest.approx(first, rel=0.01)
    sulfur = found[0].species[1]
    assert sulfur.diffusivity_cm2_s is None
    assert sulfur.conductivity_mS_cm == 0.0
    assert sulfur.refusal


def test_record_and_lines(salt: DiffusionResult) -> None:
    record = json.loads(json.dumps(salt.to_dict()))
    assert record["schema_version"] == 3
    assert record["charges"] == {"Li": 1.0, "Na": 2.0}
    assert record["unwrapping"]["convention"] == "fractional"
    assert len(record["tensor"]["principal_axes"]) == 3
    text = "\n".join(salt.details())
    assert "D along a (" in text
    assert "collective: sigma = " in text
    assert "Li-Na" in text
    assert "net charge +24, relative to framework (S)" in text
    assert salt.drift.reference == "framework (S)"


def test_bad_charges_are_named() -> None:
    ions = {"Li": hops(7, n_ions=4)}
    for options, text in [
        ({"charges": {"Cl": -1.0}}, "Cl does not occur"),
        ({"charges": {"S": -2.0}}, "charges must hold a charge of the carrier Li"),
        ({"charges": {"Li": 0.0}}, "charges must hold a charge of the carrier Li"),
        ({"mobile": ["Na"]}, "Na does not occur"),
        ({"directions": ["d"]}, "direction must be"),
    ]:
        with pytest.raises(ConfigError, match=text):
            analyze(ions, **options)
